/* Lync's persistent chat: XCCOS over SIP INFO ([MS-XCCOSIP]), as a client speaks it.
 * login    REGISTER, the address of the service by SUBSCRIBE, INVITE and ACK
 * join     cmd:getserverinfo, as clients begin, and cmd:join, until its reply
 * post     INFO with a grpchat; its 200 says that it is stored
 * delivery INFO with a grpchat, answered 200 with its headers copied
 * history  cmd:bccontext for the last page, cmd:bcbydate for one from the middle
 * -r is the room's URI, -d the SIP domain. `xccos` signs nothing (sign_in.trust has to let it
 * in); `xccos-ntlm` signs every request and response, and looks that what comes is signed. */
#define _GNU_SOURCE
#include "fanload.h"
#include "ntlm.h"
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REGISTERING, SUBSCRIBING, INVITING, READY, ASKING, JOINING, JOINED };

typedef struct {               /* what a conn needs beyond its own fields */
    char via[32], service[200], contact[256], tag[80];
    long cseq;
    char opaque[40], realm[80], target[120];
    int signs; unsigned count; ntlm_signer signer;
} session;
static session *all; static int capacity;
static const char REALM[] = "SIP Communications Service";
static const char AGENT[] = "User-Agent: fanload/1.0\r\n";

static session *of(conn *c) {
    if (!all) all = calloc(capacity = O.n + O.s + 1, sizeof *all);
    return &all[c->idx];
}

/* ---------- text ---------- */
typedef struct { const char *p; size_t n; } span;
static span header(const char *m, const char *end, const char *name) {   /* name: "\r\nName:"; the value, no blanks before */
    span s = { 0, 0 }; const char *h = memmem(m, end - m, name, strlen(name)); if (!h) return s;
    h += strlen(name); while (h < end && *h == ' ') h++;
    const char *e = memmem(h, end - h, "\r\n", 2); if (!e) e = end;
    s.p = h; s.n = e - h; return s;
}
static span between(span in, const char *a, const char *b) {             /* what stands between two marks */
    span s = { 0, 0 }; const char *h = in.p ? memmem(in.p, in.n, a, strlen(a)) : 0; if (!h) return s;
    h += strlen(a); const char *e = memmem(h, in.p + in.n - h, b, strlen(b));
    s.p = h; s.n = (e ? e : in.p + in.n) - h; return s;
}
static int keep(char *to, size_t room, span s) {
    if (!s.p || s.n >= room) return 0;
    memcpy(to, s.p, s.n); to[s.n] = 0; return 1;
}
static size_t copy(char *o, const char *m, const char *end, const char *name) { /* the whole line, all of that name */
    size_t t = 0; const char *h = m;
    while ((h = memmem(h, end - h, name, strlen(name)))) {
        const char *e = memmem(h + 2, end - h - 2, "\r\n", 2); if (!e) e = end;
        if (t + (e - h) > 1500) break;
        memcpy(o + t, h, e - h); t += e - h; h = e;
        if (name[2] != 'V') break;
    }
    return t;
}

/* ---------- signatures ([MS-SIPAE] 3.2, version 4) ---------- */
static int sign(session *s, char *o, size_t room, const char *text, int n, unsigned nonce) {
    char hex[NTLM_SIGNATURE]; ntlm_sign(&s->signer, text, n, hex);
    return snprintf(o, room, "Authorization: NTLM qop=\"auth\", opaque=\"%s\", realm=\"%s\", targetname=\"%s\", crand=\"%08x\", "
        "cnum=\"%u\", response=\"%s\"\r\n", s->opaque, s->realm, s->target, nonce, s->count, hex);
}
static int sign_response(session *s, char *o, size_t room, const char *m, const char *end) {
    span f = header(m, end, "\r\nFrom:"), t = header(m, end, "\r\nTo:"), id = header(m, end, "\r\nCall-ID:"), q = header(m, end, "\r\nCSeq:");
    span fu = between(f, "<", ">"), ft = between(f, ";tag=", ";"), tu = between(t, "<", ">"), tt = between(t, ";tag=", ";");
    span method = between(q, " ", "\r"); int number = (int)(method.p ? method.p - 1 - q.p : 0);
    char text[2048]; unsigned nonce = (unsigned)random(); s->count++;
    int n = snprintf(text, sizeof text, "<NTLM><%08x><%u><%s><%s><%.*s><%.*s><%.*s><%.*s><%.*s><%.*s><%.*s><><><><200>", nonce, s->count, s->realm, s->target,
        (int)id.n, id.p, number, q.p, (int)method.n, method.p, (int)fu.n, fu.p, (int)ft.n, ft.p, (int)tu.n, tu.p, (int)tt.n, tt.p);
    return n < (int)sizeof text ? sign(s, o, room, text, n, nonce) : 0;
}

/* ---------- what a client sends ---------- */
static void request(conn *c, const char *method, const char *uri, const char *to, const char *dialog, long cseq, const char *expires, const char *more, const char *body, size_t n) {
    static unsigned long branch; session *s = of(c); char id[60], from[120], auth[3000] = "";
    int in = *dialog == 'c' && s->tag[0];
    snprintf(id, sizeof id, "%s%08x@127.0.0.1", dialog, c->idx); snprintf(from, sizeof from, "sip:%s@%.60s", c->user, O.domain);
    if (s->signs) {
        char text[2048]; unsigned nonce = (unsigned)random(); s->count++;
        int l = snprintf(text, sizeof text, "<NTLM><%08x><%u><%s><%s><%s><%ld><%s><%s><%08x><%s><%s><><><%s>", nonce, s->count, s->realm, s->target,
            id, cseq, method, from, c->idx, to, in ? s->tag : "", expires);
        if (l < (int)sizeof text) sign(s, auth, sizeof auth, text, l, nonce);
    }
    outf(c, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%016lx\r\nMax-Forwards: 70\r\nFrom: <%s>;tag=%08x;epid=%012x\r\nTo: <%s>%s%s\r\n"
        "Call-ID: %s\r\nCSeq: %ld %s\r\n%s%s%s%s%s%s%sContent-Length: %zu\r\n\r\n%.*s", method, uri, O.tls ? "TLS" : "TCP", s->via, ++branch, from, c->idx, c->idx + 1, to,
        in ? ";tag=" : "", in ? s->tag : "", id, cseq, method, AGENT, *expires ? "Expires: " : "", expires, *expires ? "\r\n" : "", auth, more, "", n, (int)n, body);
}
static void info(conn *c, const char *body, size_t n) {
    session *s = of(c); request(c, "INFO", s->contact, s->service, "c", ++s->cseq, "", "Content-Type: text/plain\r\n", body, n);
}
static void command(conn *c, const char *name, const char *data) {
    char b[2048]; int n = snprintf(b, sizeof b, "<xccos ver=\"1\" envid=\"%ld\" xmlns=\"urn:parlano:xml:ns:xccos\"><cmd id=\"cmd:%s\" seqid=\"1\"><data>%s</data></cmd></xccos>", ++c->seq, name, data);
    info(c, b, n);
}
static void enroll(conn *c, const char *authorization) {
    session *s = of(c); char uri[80], me[120], more[3000];
    snprintf(uri, sizeof uri, "sip:%.60s", O.domain); snprintf(me, sizeof me, "sip:%s@%.60s", c->user, O.domain);
    snprintf(more, sizeof more, "Contact: <sip:%s;transport=%s;ms-opaque=%08x>;+sip.instance=\"<urn:uuid:41EA37C4-4A6F-5A0A-8E06-%012X>\"\r\nEvent: registration\r\n"
        "Supported: gruu-10\r\n%s", s->via, O.tls ? "tls" : "tcp", c->idx, c->idx, authorization);
    request(c, "REGISTER", uri, me, "r", ++s->cseq, "7200", more, "", 0);
}
static void subscribe(conn *c) {
    static const char body[] = "<provisioningGroupList xmlns=\"http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist\"><provisioningGroup name=\"persistentChatConfiguration\"/></provisioningGroupList>";
    char me[120]; snprintf(me, sizeof me, "sip:%s@%.60s", c->user, O.domain); c->state = SUBSCRIBING;
    request(c, "SUBSCRIBE", me, me, "s", 1, "0", "Event: vnd-microsoft-provisioning-v2\r\nAccept: application/vnd-microsoft-roaming-provisioning-v2+xml\r\n"
        "Supported: com.microsoft.autoextend\r\nSupported: ms-benotify\r\nProxy-Require: ms-benotify\r\nSupported: ms-piggyback-first-notify\r\n"
        "Content-Type: application/vnd-microsoft-roaming-provisioning-v2+xml\r\n", body, sizeof body - 1);
}
static void invite(conn *c) {
    session *s = of(c); char more[600], body[400]; c->state = INVITING; s->cseq = 1;
    int n = snprintf(body, sizeof body, "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 5060 sip null\r\na=accept-types:text/plain\r\n");
    snprintf(more, sizeof more, "Contact: <sip:%s@%.60s;opaque=user:epid:%08x;gruu>\r\nSupported: timer\r\nSession-Expires: 1800\r\nMin-SE: 90\r\nContent-Type: application/sdp\r\n", c->user, O.domain, c->idx);
    request(c, "INVITE", s->service, s->service, "c", s->cseq, "", more, body, n);
}
static void acknowledge(conn *c) {
    session *s = of(c); request(c, "ACK", s->contact, s->service, "c", s->cseq, "", "", "", 0);
    c->state = READY; fl_logged_in(c);
}

/* ---------- signing in by NTLM ---------- */
static void challenged(conn *c, const char *m, const char *end) {
    session *s = of(c); char line[2600]; span w = header(m, end, "\r\nWWW-Authenticate: NTLM"), token = between(w, "gssapi-data=\"", "\"");
    unsigned char in[1600], out[1600]; char b64[2300]; size_t n;
    if (!s->target[0]) {
        if (!keep(s->target, sizeof s->target, between(w, "targetname=\"", "\""))) { fl_fail(c, "no NTLM challenge"); return; }
        strcpy(s->realm, REALM); snprintf(line, sizeof line, "Authorization: NTLM qop=\"auth\", realm=\"%s\", targetname=\"%s\", gssapi-data=\"\", version=4\r\n", REALM, s->target);
        enroll(c, line); return;
    }
    if (s->signs || !token.n || token.n > sizeof in || token.n % 4 || !keep(s->opaque, sizeof s->opaque, between(w, "opaque=\"", "\""))) { fl_fail(c, "NTLM refused"); return; }
    n = EVP_DecodeBlock(in, (const unsigned char *)token.p, (int)token.n); while (token.n && token.p[--token.n] == '=') n--;
    if (!(n = ntlm_answer(in, n, c->user, O.password, out, sizeof out, &s->signer))) { fl_fail(c, "a challenge that cannot be answered"); return; }
    EVP_EncodeBlock((unsigned char *)b64, out, (int)n);
    /* The REGISTER with the proof is signed itself; proof and signature go in one header. */
    char uri[80], me[120], more[4000], text[2048], hex[NTLM_SIGNATURE], id[60]; unsigned nonce = (unsigned)random(); s->count = 1; s->cseq++;
    snprintf(uri, sizeof uri, "sip:%.60s", O.domain); snprintf(me, sizeof me, "sip:%s@%.60s", c->user, O.domain); snprintf(id, sizeof id, "r%08x@127.0.0.1", c->idx);
    int l = snprintf(text, sizeof text, "<NTLM><%08x><1><%s><%s><%s><%ld><REGISTER><%s><%08x><%s><><><><7200>", nonce, s->realm, s->target, id, s->cseq, me, c->idx, me);
    ntlm_sign(&s->signer, text, l, hex); s->cseq--;
    snprintf(more, sizeof more, "Authorization: NTLM qop=\"auth\", opaque=\"%s\", realm=\"%s\", targetname=\"%s\", gssapi-data=\"%s\", version=4, crand=\"%08x\", cnum=\"1\", response=\"%s\"\r\n",
        s->opaque, s->realm, s->target, b64, nonce, hex);
    enroll(c, more); s->signs = 1;
}

/* ---------- what comes ---------- */
static void failed(conn *c, const char *m, const char *end) {
    char b[300]; span q = header(m, end, "\r\nCSeq:"), d = header(m, end, "\r\nms-diagnostics:");
    snprintf(b, sizeof b, "%.*s to %.*s %.*s", 30, m + 8, (int)q.n, q.p ? q.p : "", (int)(d.n > 120 ? 120 : d.n), d.p ? d.p : "");
    for (char *p = b; *p; p++) if (*p == '\r' || *p == '\n') *p = ' ';
    fl_fail(c, b);
}
static void answered(conn *c, const char *m, const char *end, const char *body, size_t n) {
    session *s = of(c); int code = atoi(m + 8); span q = header(m, end, "\r\nCSeq:"), method = between(q, " ", "\r"), all_of_it = { body, n };
    if (code < 200) return;
    if (code == 401 && c->state == REGISTERING && strstr(O.proto, "ntlm")) { challenged(c, m, end); return; }
    if (code >= 300 || !method.p) { failed(c, m, end); return; }
    if (s->signs && !mem_find(m, end - m, "rspauth=\"01000000")) { fl_fail(c, "an answer that is not signed"); return; }
    switch (*method.p) {
    case 'R': if (c->state == REGISTERING) subscribe(c); break;
    case 'S':
        if (c->state != SUBSCRIBING) break;
        if (!keep(s->service, sizeof s->service, between(all_of_it, "\"DefaultPersistentChatPoolUri\">", "<"))) fl_fail(c, "no chat service was named");
        else invite(c);
        break;
    case 'I':
        if (c->state != INVITING) break;
        if (!keep(s->tag, sizeof s->tag, between(header(m, end, "\r\nTo:"), ";tag=", ";")) || !keep(s->contact, sizeof s->contact, between(header(m, end, "\r\nContact:"), "<", ">")))
            fl_fail(c, "no dialog came of the INVITE");
        else acknowledge(c);
    }
}
static void enter(conn *c) {
    char data[300]; const char *guid = strrchr(O.room, '/'); c->state = JOINING;
    snprintf(data, sizeof data, "<chanid key=\"0\" domain=\"%.60s\" value=\"%.60s\"/>", O.domain, guid ? guid + 1 : O.room);
    command(c, "join", data);
}
static void told(conn *c, const char *b, size_t n) {
    size_t head = n < 600 ? n : 600;                         /* a reply says what it is at once */
    fl_scan(b, n);
    if (c->state == JOINED && !mem_find(b, head, "<rpl ")) return;
    if (c->state == ASKING && mem_find(b, head, "rpl:getserverinfo")) enter(c);
    else if (c->state == JOINING && mem_find(b, head, "rpl:join")) {
        c->state = JOINED; if (mem_find(b, head, "code=\"200\"")) fl_joined(c); else fl_fail(c, "join refused");
    } else if (c->state == JOINED && mem_find(b, head, "rpl:bc")) { if (!mem_find(b, head, "code=\"200\"")) fl_fail(c, "history refused"); fl_hist_done(c); }
}
static size_t on_data(conn *c, const char *p, size_t n) {
    session *s = of(c); size_t off = 0, al = 0; static char ans[65536];
    while (off < n) {
        const char *m = p + off, *end = memmem(m, n - off, "\r\n\r\n", 4); if (!end) break;
        span cl = header(m, end, "\r\nContent-Length:"); size_t len = cl.p ? strtoul(cl.p, 0, 10) : 0;
        if ((size_t)(end + 4 - p) + len > n) break;
        if (!memcmp(m, "SIP/2.0 ", 8)) answered(c, m, end, end + 4, len);
        else if (memcmp(m, "BENOTIFY ", 9)) {
            if (s->signs && !mem_find(m, end - m, "rspauth=\"01000000")) fl_fail(c, "a request that is not signed");
            if (al > sizeof ans - 8192) { out_bytes(c, ans, al); al = 0; }
            al += sprintf(ans + al, "SIP/2.0 200 OK");
            al += copy(ans + al, m, end, "\r\nVia:"); al += copy(ans + al, m, end, "\r\nFrom:"); al += copy(ans + al, m, end, "\r\nTo:");
            al += copy(ans + al, m, end, "\r\nCall-ID:"); al += copy(ans + al, m, end, "\r\nCSeq:"); al += sprintf(ans + al, "\r\n%s", AGENT);
            if (s->signs) al += sign_response(s, ans + al, sizeof ans - al, m, end);
            al += sprintf(ans + al, "Content-Length: 0\r\n\r\n");
            if (!memcmp(m, "BYE ", 4)) fl_fail(c, "the service said BYE");
            told(c, end + 4, len);
        }
        off = end + 4 + len - p;
    }
    if (al) out_bytes(c, ans, al);
    return off;
}

/* ---------- what the driver asks for ---------- */
static void on_connect(conn *c) {
    struct sockaddr_in a; socklen_t l = sizeof a; session *s = of(c); memset(s, 0, sizeof *s);
    getsockname(c->fd, (void *)&a, &l); snprintf(s->via, sizeof s->via, "127.0.0.1:%d", ntohs(a.sin_port));
    c->state = REGISTERING; enroll(c, "");
}
static void join(conn *c) {
    char data[200]; c->state = ASKING;
    snprintf(data, sizeof data, "<sib domain=\"%.60s\" infoType=\"123\"/>", O.domain); command(c, "getserverinfo", data);
}
static void post(conn *c, const char *b, size_t n, uint64_t k) {
    char body[4096];
    int l = snprintf(body, sizeof body, "<xccos ver=\"1\" envid=\"%lu\" xmlns=\"urn:parlano:xml:ns:xccos\"><grpchat id=\"grpchat\" seqid=\"1\" chanUri=\"%.160s\" author=\"sip:%s@%.60s\" "
        "ts=\"2026-01-02T03:04:05Z\"><chat>%.*s</chat></grpchat></xccos>", (unsigned long)k, O.room, c->user, O.domain, (int)n, b);
    info(c, body, l);
}
static void history(conn *c, int kind, int count) {
    char data[600], from[40]; time_t at = (time_t)mid_time; struct tm tm;
    gmtime_r(&at, &tm); strftime(from, sizeof from, "%Y-%m-%dT%H:%M:%S.0000000Z", &tm);
    if (kind) snprintf(data, sizeof data, "<chanib uri=\"%.160s\"/><bcq><date><from>%s</from></date><limit cnt=\"%d\"/></bcq>", O.room, from, count);
    else snprintf(data, sizeof data, "<chanib uri=\"%.160s\"/><bcq><last cnt=\"%d\"/></bcq>", O.room, count);
    command(c, kind ? "bcbydate" : "bccontext", data);
}
const proto p_xccos = { "xccos", "Lync persistent chat over SIP, nothing signed", 0, 1, on_connect, on_data, join, post, history };
const proto p_xccos_ntlm = { "xccos-ntlm", "the same, signed in and signing by NTLM", 0, 1, on_connect, on_data, join, post, history };
