/* NTLMv2 without a connection: a CHALLENGE in, an AUTHENTICATE and a signer out. The numbers
 * of the paragraphs are those of [MS-NLMP]. */
#include "ntlm.h"
#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/md4.h>
#include <openssl/rand.h>
#include <openssl/rc4.h>
#include <stdint.h>
#include <string.h>

/* What is agreed to, of what is offered (2.2.2.5): Unicode, signing, datagram, 128 bit, key exchange. */
#define FLAGS (0x00000001u | 0x00000004u | 0x00000010u | 0x00000040u | 0x00000200u | 0x00008000u \
             | 0x00080000u | 0x00100000u | 0x00800000u | 0x02000000u | 0x20000000u | 0x40000000u)
#define HEAD 72
#define TIMESTAMP 7

static const unsigned char SEQUENCE[4] = { 100, 0, 0, 0 };   /* [MS-SIPAE] 3.2.5.1 */
static const unsigned char VERSION[8] = { 6, 1, 0xb1, 0x1d, 0, 0, 0, 15 };

static uint32_t get32(const unsigned char *p) { return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24; }
static uint16_t get16(const unsigned char *p) { return (uint16_t)(p[0] | p[1] << 8); }
static void put32(unsigned char *p, uint32_t v) { for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> 8 * i); }

static size_t utf16(unsigned char *out, const char *text, int upper) {
    size_t n = 0;
    for (; *text; text++) { out[n++] = (unsigned char)(upper ? toupper((unsigned char)*text) : *text); out[n++] = 0; }
    return n;
}
static void hmac_md5(const unsigned char key[16], const unsigned char *p, size_t n, unsigned char out[16]) {
    HMAC(EVP_md5(), key, 16, p, n, out, 0);
}
static void rc4(const unsigned char key[16], const unsigned char *p, size_t n, unsigned char *out) {
    RC4_KEY k; RC4_set_key(&k, 16, key); RC4(&k, n, p, out);
}
static void magic(const unsigned char session[16], const char *text, unsigned char out[16]) {
    MD5_CTX c; MD5_Init(&c); MD5_Update(&c, session, 16); MD5_Update(&c, text, strlen(text) + 1); MD5_Final(out, &c);
}

/* 3.4.5.2, 3.4.5.3; and 3.4.4: the key stream starts anew with each message, under the same key. */
static void derive(ntlm_signer *s, const unsigned char session[16]) {
    unsigned char signing[16], sealing[20], key[16], pad[64], zeros[8] = { 0 };
    magic(session, "session key to client-to-server signing key magic constant", signing);
    magic(session, "session key to client-to-server sealing key magic constant", sealing);
    memcpy(sealing + 16, SEQUENCE, 4); MD5(sealing, 20, key); rc4(key, zeros, 8, s->mask);
    for (int i = 0; i < 64; i++) pad[i] = (i < 16 ? signing[i] : 0) ^ 0x36;
    MD5_Init(&s->inner); MD5_Update(&s->inner, pad, 64); MD5_Update(&s->inner, SEQUENCE, 4);
    for (int i = 0; i < 64; i++) pad[i] ^= 0x36 ^ 0x5c;
    MD5_Init(&s->outer); MD5_Update(&s->outer, pad, 64);
}
void ntlm_sign(const ntlm_signer *s, const char *text, size_t n, char hex[NTLM_SIGNATURE]) {
    static const char digits[] = "0123456789ABCDEF";
    unsigned char d[16]; MD5_CTX c = s->inner; MD5_Update(&c, text, n); MD5_Final(d, &c);
    c = s->outer; MD5_Update(&c, d, 16); MD5_Final(d, &c);
    memcpy(hex, "01000000", 8); memcpy(hex + 24, "64000000", 9);
    for (int i = 0; i < 8; i++) { unsigned char b = d[i] ^ s->mask[i]; hex[8 + 2 * i] = digits[b >> 4]; hex[9 + 2 * i] = digits[b & 15]; }
}

/* Returns the target information of a CHALLENGE and finds the server's time in it (2.2.2.1). */
static const unsigned char *information(const unsigned char *c, size_t n, size_t *len, const unsigned char **time) {
    size_t off = get32(c + 44); *len = get16(c + 40); *time = 0;
    if (off > n || *len > n - off) return 0;
    for (size_t at = 0; at + 4 <= *len;) {
        size_t id = get16(c + off + at), k = get16(c + off + at + 2);
        if (!id) return c + off;
        if (at + 4 + k > *len) return 0;
        if (id == TIMESTAMP && k == 8) *time = c + off + at + 4;
        at += 4 + k;
    }
    return 0;
}
static void place(unsigned char *field, size_t n, size_t *offset) {
    field[0] = field[2] = (unsigned char)n; field[1] = field[3] = (unsigned char)(n >> 8);
    put32(field + 4, (uint32_t)*offset); *offset += n;
}
size_t ntlm_answer(const unsigned char *c, size_t n, const char *user, const char *password,
                   unsigned char *out, size_t room, ntlm_signer *signer) {
    unsigned char name[128], hash[16], key[16], base[16], session[16], text[256], message[2048];
    const unsigned char *time, *info; size_t infolen, at = HEAD;
    if (n < 48 || memcmp(c, "NTLMSSP", 8) || get32(c + 8) != 2 || strlen(user) > 60 || strlen(password) > 100) return 0;
    if (!(info = information(c, n, &infolen, &time)) || !time || infolen > 1024) return 0;
    MD4(text, utf16(text, password, 0), hash);
    hmac_md5(hash, name, utf16(name, user, 1), key);                      /* 3.3.2, without a domain */
    unsigned char *strong = message, *temp = strong + 16; size_t templen = 28 + infolen + 4;
    memset(temp, 0, templen); temp[0] = temp[1] = 1; memcpy(temp + 8, time, 8); RAND_bytes(temp + 16, 8);
    memcpy(temp + 28, info, infolen);
    memcpy(temp - 8, c + 24, 8); hmac_md5(key, temp - 8, 8 + templen, base);  /* of nonce and temp */
    memcpy(strong, base, 16);                                             /* the nonce has served */
    hmac_md5(key, strong, 16, base); RAND_bytes(session, 16); derive(signer, session);
    size_t ul = utf16(name, user, 0), total = HEAD + ul + 24 + 16 + templen + 16;
    if (total > room) return 0;
    memset(out, 0, total); memcpy(out, "NTLMSSP", 8); out[8] = 3;
    put32(out + 60, FLAGS & (get32(c + 20) | 4)); memcpy(out + 64, VERSION, 8);
    place(out + 28, 0, &at); memcpy(out + at, name, ul); place(out + 36, ul, &at); place(out + 44, 0, &at);
    place(out + 12, 24, &at);                                             /* left empty: 3.1.5.1.2 */
    memcpy(out + at, strong, 16 + templen); place(out + 20, 16 + templen, &at);
    rc4(base, session, 16, out + at); place(out + 52, 16, &at);
    return total;
}
