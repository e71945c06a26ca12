/*
 * sipe-rig - drive the real pidgin-sipe protocol plugin without a user interface.
 *
 * A list of steps (join a room, send a line, expect an answer, ...) is run one
 * after the other against a SIP server; everything that happens is printed on
 * stdout as one JSON object per line.  See README.md next to this file;
 * perchat.testing.peers.SipeClient is its face in Python.
 *
 * Exit status: 0 every step passed, 1 a step failed, 2 wrong usage or set-up.
 */
#include <glib.h>
#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include <purple.h>

#define UI_ID "sipe-rig"
#define PRPL_ID "prpl-sipe"

/* ------------------------------------------------------------------ state */

typedef struct {
	char *name, *uri, *description;
	guint users;
	gboolean invite, private, logged;
} Room;

typedef struct {
	char *room, *from, *text;
	gint64 seen;		/* monotonic, microseconds */
	gboolean own, history, taken;
} Line;

typedef enum { PENDING, PASS, FAIL } Verdict;

static struct {
	/* options */
	char *server, *transport, *account, *login, *password, *auth;
	char *groupchat, *user_agent, *plugin, *debug_file, *home, *email_url, *ca;
	gboolean insecure, sso, debug, from_stdin, want_login_failure, keep_home, quiet;
	double step_timeout, total_timeout;
} opt = { .transport = "tcp", .auth = "ntlm", .step_timeout = 15, .total_timeout = 120 };

static GMainLoop *loop;
static PurpleAccount *account;
static PurpleConnection *conn;
static FILE *debug_out;
static int exit_code = 1;
static int handle;			/* its address names our signal connections */

static gboolean in_history;		/* the log says a history answer is being read */
static gboolean online, gc_ready, gc_refused, list_done, stdin_open, finishing, any_failed;
static char *fatal_reason;		/* connection error text */
static GPtrArray *rooms, *lines, *notices;
static guint notices_taken;
static GHashTable *replies;		/* "rpl:join" -> count */
static GQueue *steps;
static char *step;			/* step in progress */
static gint64 step_began, join_mark;
static guint step_phase;
static char *current_room;
static PurpleConversation *joined_conv;	/* set by the chat-joined signal */

/* ------------------------------------------------------------ JSON output */

static GString *jbuf;

static void j_quote(const char *s)
{
	const char *p;
	g_string_append_c(jbuf, '"');
	for (p = s ? s : ""; *p; p++) {
		unsigned char c = *p;
		switch (c) {
		case '"':  g_string_append(jbuf, "\\\""); break;
		case '\\': g_string_append(jbuf, "\\\\"); break;
		case '\n': g_string_append(jbuf, "\\n"); break;
		case '\r': g_string_append(jbuf, "\\r"); break;
		case '\t': g_string_append(jbuf, "\\t"); break;
		default:
			if (c < 0x20)
				g_string_append_printf(jbuf, "\\u%04x", c);
			else
				g_string_append_c(jbuf, c);
		}
	}
	g_string_append_c(jbuf, '"');
}

static void j_key(const char *k)
{
	g_string_append_c(jbuf, ',');
	j_quote(k);
	g_string_append_c(jbuf, ':');
}

static void j_open(const char *event)
{
	gint64 now = g_get_real_time();
	GDateTime *dt = g_date_time_new_now_utc();
	char *iso = g_date_time_format(dt, "%Y-%m-%dT%H:%M:%S");
	g_string_printf(jbuf, "{\"time\":\"%s.%03dZ\",\"event\":", iso,
			(int)(now / 1000 % 1000));
	g_free(iso);
	g_date_time_unref(dt);
	j_quote(event);
}

static void j_str(const char *k, const char *v)
{
	j_key(k);
	if (v)
		j_quote(v);
	else
		g_string_append(jbuf, "null");
}

static void j_int(const char *k, gint64 v)
{
	j_key(k);
	g_string_append_printf(jbuf, "%" G_GINT64_FORMAT, v);
}

static void j_bool(const char *k, gboolean v)
{
	j_key(k);
	g_string_append(jbuf, v ? "true" : "false");
}

static void j_time(const char *k, time_t v)
{
	GDateTime *dt = g_date_time_new_from_unix_utc(v);
	char *iso = g_date_time_format(dt, "%Y-%m-%dT%H:%M:%SZ");
	j_str(k, iso);
	g_free(iso);
	g_date_time_unref(dt);
}

static void j_close(void)
{
	g_string_append(jbuf, "}\n");
	fputs(jbuf->str, stdout);
	fflush(stdout);
}

static void say(const char *event, const char *key, const char *value)
{
	j_open(event);
	if (key)
		j_str(key, value);
	j_close();
}

/* ---------------------------------------------------- libpurple event loop */

typedef struct {
	PurpleInputFunction func;
	gpointer data;
} Watch;

static gboolean watch_fire(gint fd, GIOCondition cond, gpointer data)
{
	Watch *w = data;
	int what = 0;
	if (cond & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		what |= PURPLE_INPUT_READ;
	if (cond & (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL))
		what |= PURPLE_INPUT_WRITE;
	w->func(w->data, fd, what);
	return G_SOURCE_CONTINUE;
}

static guint watch_add(int fd, PurpleInputCondition cond, PurpleInputFunction func, gpointer data)
{
	Watch *w = g_new(Watch, 1);
	GIOCondition c = G_IO_HUP | G_IO_ERR;
	w->func = func;
	w->data = data;
	if (cond & PURPLE_INPUT_READ)
		c |= G_IO_IN;
	if (cond & PURPLE_INPUT_WRITE)
		c |= G_IO_OUT;
	return g_unix_fd_add_full(G_PRIORITY_DEFAULT, fd, c, watch_fire, w, g_free);
}

static PurpleEventLoopUiOps loop_ops = {
	.timeout_add = g_timeout_add,
	.timeout_remove = g_source_remove,
	.input_add = watch_add,
	.input_remove = g_source_remove,
	.timeout_add_seconds = g_timeout_add_seconds,
};

/* ------------------------------------------------------------- debug stream */

/* The plugin's log tells things no libpurple call-back does. */
static void watch_sipe_log(const char *text)
{
	const char *p;

	/* each message is logged whole before it is read; what it says is then read in one go */
	if (strstr(text, "MESSAGE START <"))
		in_history = FALSE;

	if (strstr(text, "connection to group chat server established")) {
		gc_ready = TRUE;
		gc_refused = FALSE;
		say("groupchat-ready", NULL, NULL);
	} else if (strstr(text, "no group chat server found") ||
		   strstr(text, "can't connect to group chat server")) {
		gc_refused = TRUE;
		gc_ready = FALSE;
		say("groupchat-refused", "detail", text);
	} else if ((p = strstr(text, "chatserver_response: '")) != NULL) {
		char **part = g_strsplit(p, "'", 3);
		char *id = g_strdup(part[1] ? part[1] : "");
		int code = 0;
		const char *reason = "";
		if (part[1] && part[2]) {
			const char *q = strchr(part[2], '(');
			if (q) {
				code = atoi(q + 1);
				q = strchr(q, ')');
				if (q && q[1])
					reason = q + 2;
			}
		}
		in_history = !strcmp(id, "rpl:bccontext");
		g_hash_table_replace(replies, id,	/* keeps the new key, which is told below */
			GINT_TO_POINTER(GPOINTER_TO_INT(g_hash_table_lookup(replies, id)) + 1));
		j_open("reply");
		j_str("id", id);
		j_int("code", code);
		j_str("reason", reason);
		j_close();
	} else if ((p = strstr(text, "chatserver_command_response: failure ")) != NULL) {
		j_open("command-failed");
		j_int("sip_status", atoi(p + strlen("chatserver_command_response: failure ")));
		j_close();
	} else if (strstr(text, "signature of incoming message is invalid")) {
		say("bad-signature", NULL, NULL);
	} else if (strstr(text, "message without authentication data - ignoring")) {
		say("unsigned-message-ignored", NULL, NULL);
	}
}

static void debug_print(PurpleDebugLevel level, const char *category, const char *text)
{
	char *copy = g_strdup(text);
	g_strchomp(copy);
	if (debug_out) {
		GDateTime *dt = g_date_time_new_now_utc();
		char *iso = g_date_time_format(dt, "%H:%M:%S");
		fprintf(debug_out, "%s.%03d %d %s: %s\n", iso, (int)(g_get_real_time() / 1000 % 1000),
			level, category ? category : "-", copy);
		fflush(debug_out);
		g_free(iso);
		g_date_time_unref(dt);
	}
	if (category && strcmp(category, "sipe") == 0)
		watch_sipe_log(copy);
	g_free(copy);
}

static gboolean debug_wanted(PurpleDebugLevel level, const char *category)
{
	return debug_out != NULL || (category && strcmp(category, "sipe") == 0);
}

static PurpleDebugUiOps debug_ops = { .print = debug_print, .is_enabled = debug_wanted };

/* ------------------------------------------------------------ conversations */

static void conv_write(PurpleConversation *conv, const char *name, const char *alias,
		       const char *message, PurpleMessageFlags flags, time_t mtime)
{
	gboolean special = (flags & (PURPLE_MESSAGE_ERROR | PURPLE_MESSAGE_SYSTEM)) != 0;
	/* room lines are escaped plain text; notices may hold mark-up */
	char *text = special ? purple_markup_strip_html(message) : purple_unescape_html(message);
	Line *l;

	if (special) {
		j_open(flags & PURPLE_MESSAGE_ERROR ? "room-error" : "room-notice");
		j_str("room", purple_conversation_get_name(conv));
		j_str("text", text);
		j_close();
		if (flags & PURPLE_MESSAGE_ERROR)
			g_ptr_array_add(notices, g_strdup(text));
		g_free(text);
		return;
	}

	l = g_new0(Line, 1);
	l->room = g_strdup(purple_conversation_get_name(conv));
	l->from = g_strdup(name);
	l->text = text;
	l->seen = g_get_monotonic_time();
	l->own = (flags & PURPLE_MESSAGE_SEND) != 0;
	l->history = in_history;
	g_ptr_array_add(lines, l);

	j_open("message");
	j_str("room", l->room);
	j_str("kind", purple_conversation_get_type(conv) == PURPLE_CONV_TYPE_CHAT ? "chat" : "im");
	j_str("from", l->from);
	j_bool("own", l->own);
	j_bool("history", l->history);
	j_time("sent", mtime);
	j_str("text", l->text);
	j_str("html", message);
	j_close();
}

static PurpleConversationUiOps conv_ops = { .write_conv = conv_write };

static void on_chat_joined(PurpleConversation *conv)
{
	joined_conv = conv;
	join_mark = g_get_monotonic_time();
	say("joined", "room", purple_conversation_get_name(conv));
}

static void on_member_joined(PurpleConversation *conv, const char *who,
			     PurpleConvChatBuddyFlags flags, gboolean arrival)
{
	j_open("member-joined");
	j_str("room", purple_conversation_get_name(conv));
	j_str("uri", who);
	j_bool("new", arrival);
	j_close();
}

static void on_member_left(PurpleConversation *conv, const char *who, const char *reason)
{
	j_open("member-left");
	j_str("room", purple_conversation_get_name(conv));
	j_str("uri", who);
	j_close();
}

static void on_topic(PurpleConversation *conv, const char *who, const char *topic)
{
	j_open("topic");
	j_str("room", purple_conversation_get_name(conv));
	j_str("topic", topic);
	j_close();
}

/* ---------------------------------------------------------------- room list */

static void list_add(PurpleRoomlist *list, PurpleRoomlistRoom *r)
{
	Room *room = g_new0(Room, 1);
	GList *f = purple_roomlist_room_get_fields(r);

	/* order of the plugin's columns: uri, users, invite, private, logged, description */
	room->name = g_strdup(purple_roomlist_room_get_name(r));
	room->uri = g_strdup(g_list_nth_data(f, 0));
	room->users = GPOINTER_TO_UINT(g_list_nth_data(f, 1));
	room->invite = g_list_nth_data(f, 2) != NULL;
	room->private = g_list_nth_data(f, 3) != NULL;
	room->logged = g_list_nth_data(f, 4) != NULL;
	room->description = g_strdup(g_list_nth_data(f, 5));
	g_ptr_array_add(rooms, room);

	j_open("room");
	j_str("name", room->name);
	j_str("uri", room->uri);
	j_str("description", room->description);
	j_int("users", room->users);
	j_bool("invite", room->invite);
	j_bool("private", room->private);
	j_bool("logged", room->logged);
	j_close();
}

static void list_progress(PurpleRoomlist *list, gboolean busy)
{
	if (!busy)
		list_done = TRUE;
}

static PurpleRoomlistUiOps roomlist_ops = { .add_room = list_add, .in_progress = list_progress };

/* ------------------------------------------------- notices, questions, state */

static void *on_notice(PurpleNotifyMsgType type, const char *title,
		       const char *primary, const char *secondary)
{
	j_open("notify");
	j_str("level", type == PURPLE_NOTIFY_MSG_ERROR ? "error" :
		       type == PURPLE_NOTIFY_MSG_WARNING ? "warning" : "info");
	j_str("title", title);
	j_str("primary", primary);
	j_str("secondary", secondary);
	j_close();
	g_ptr_array_add(notices, g_strjoin(": ", primary ? primary : "", secondary, NULL));
	return NULL;
}

static PurpleNotifyUiOps notify_ops = { .notify_message = on_notice };

/* A question with buttons.  The only one expected is about a certificate that does
 * not verify: answer it with the second button, which rejects. */
typedef struct {
	PurpleRequestActionCb cb;
	void *data;
} Answer;

static gboolean answer_now(gpointer p)
{
	Answer *a = p;
	a->cb(a->data, 1);
	g_free(a);
	return G_SOURCE_REMOVE;
}

static void *on_question(const char *title, const char *primary, const char *secondary,
			 int default_action, PurpleAccount *acct, const char *who,
			 PurpleConversation *conv, void *data, size_t n, va_list actions)
{
	Answer *a = NULL;
	size_t i;

	j_open("question");
	j_str("title", title);
	j_str("primary", primary);
	j_str("secondary", secondary);
	for (i = 0; i < n; i++) {
		const char *label = va_arg(actions, const char *);
		PurpleRequestActionCb cb = va_arg(actions, PurpleRequestActionCb);
		if (i == 1 && cb) {
			a = g_new(Answer, 1);
			a->cb = cb;
			a->data = data;
			j_str("answer", label);
		}
	}
	j_close();
	if (a)
		g_idle_add(answer_now, a);
	return NULL;
}

static PurpleRequestUiOps request_ops = { .request_action = on_question };

static void on_connected(PurpleConnection *gc)
{
	online = TRUE;
	conn = gc;
	say("connected", "account", purple_account_get_username(purple_connection_get_account(gc)));
}

static void on_disconnected(PurpleConnection *gc)
{
	online = gc_ready = gc_refused = FALSE;
	conn = NULL;
	g_hash_table_remove_all(replies);	/* what comes after a reconnection is news */
	say("disconnected", NULL, NULL);
}

static void on_progress(PurpleConnection *gc, const char *text, size_t n, size_t of)
{
	say("progress", "text", text);
}

static void on_disconnect_reason(PurpleConnection *gc, PurpleConnectionError reason, const char *text)
{
	static const char *names[] = {
		"network", "invalid-username", "authentication-failed", "authentication-impossible",
		"no-ssl", "encryption", "name-in-use", "invalid-settings", "cert-not-provided",
		"cert-untrusted", "cert-expired", "cert-not-activated", "cert-hostname-mismatch",
		"cert-fingerprint-mismatch", "cert-self-signed", "cert-other", "other" };
	j_open("connection-error");
	j_str("reason", (unsigned)reason < G_N_ELEMENTS(names) ? names[reason] : "?");
	j_str("text", text);
	j_close();
	g_free(fatal_reason);
	fatal_reason = g_strdup(text ? text : "unknown");
}

static PurpleConnectionUiOps conn_ops = {
	.connect_progress = on_progress,
	.connected = on_connected,
	.disconnected = on_disconnected,
	.report_disconnect_reason = on_disconnect_reason,
};

/* -------------------------------------------------- trust every certificate */

static void trust_start(PurpleCertificateVerificationRequest *vrq)
{
	say("certificate-accepted", "subject", vrq->subject_name);
	purple_certificate_verify_complete(vrq, PURPLE_CERTIFICATE_VALID);
}

static void trust_end(PurpleCertificateVerificationRequest *vrq)
{
}

static PurpleCertificateVerifier trust_all = {
	.scheme_name = "x509",
	.name = "tls_cached",
	.start_verification = trust_start,
	.destroy_request = trust_end,
};

static void install_trust_all(void)
{
	PurpleCertificateVerifier *old = purple_certificate_find_verifier("x509", "tls_cached");
	if (old)
		purple_certificate_unregister_verifier(old);
	purple_certificate_register_verifier(&trust_all);
}

/* ------------------------------------------------------------------- helpers */

static Room *room_lookup(const char *what)
{
	guint i;
	for (i = 0; i < rooms->len; i++) {
		Room *r = g_ptr_array_index(rooms, i);
		if (!g_strcmp0(r->name, what) || !g_strcmp0(r->uri, what))
			return r;
	}
	return NULL;
}

static PurpleConversation *conv_lookup(const char *what)
{
	Room *r = room_lookup(what);
	return purple_find_conversation_with_account(PURPLE_CONV_TYPE_CHAT,
						     r ? r->name : what, account);
}

static PurpleConversation *conv_current(void)
{
	return current_room ? conv_lookup(current_room) : NULL;
}

static double since(gint64 t)
{
	return (g_get_monotonic_time() - t) / 1e6;
}

static Verdict refuse(const char *why)
{
	j_open("failure");
	j_str("step", step);
	j_str("why", why);
	j_close();
	return FAIL;
}

static gboolean ask_for_list(void)
{
	if (!online)
		return FALSE;
	g_ptr_array_set_size(rooms, 0);
	list_done = FALSE;
	/* the plugin keeps the only reference and drops it when the list is complete */
	return purple_roomlist_get_list(conn) != NULL;
}

static Line *find_line(const char *part, const char *from)
{
	const char *room = current_room;
	PurpleConversation *c = conv_current();
	guint i;
	if (c)
		room = purple_conversation_get_name(c);
	for (i = 0; i < lines->len; i++) {
		Line *l = g_ptr_array_index(lines, i);
		if (l->taken || (room && strcmp(l->room, room)))
			continue;
		if ((part && strstr(l->text, part)) || (from && !g_ascii_strcasecmp(l->from, from))) {
			l->taken = TRUE;
			return l;
		}
	}
	return NULL;
}

/* --------------------------------------------------------------------- steps */

static Verdict s_connect(const char *arg)
{
	if (step_phase == 0) {
		step_phase = 1;
		g_clear_pointer(&fatal_reason, g_free);
		if (!purple_account_is_connected(account)) {
			purple_account_set_enabled(account, UI_ID, TRUE);
			if (purple_account_is_disconnected(account))
				purple_account_connect(account);
		}
	}
	if (opt.want_login_failure) {
		if (online)
			return refuse("sign-in was accepted");
		return fatal_reason ? PASS : PENDING;
	}
	if (fatal_reason)
		return refuse(fatal_reason);
	return online ? PASS : PENDING;
}

static Verdict s_disconnect(const char *arg)
{
	if (step_phase++ == 0)
		purple_account_set_enabled(account, UI_ID, FALSE);
	return online ? PENDING : PASS;
}

static Verdict s_ready(const char *arg)
{
	if (gc_refused)
		return refuse("no group chat server");
	return gc_ready ? PASS : PENDING;
}

static Verdict s_list(const char *arg)
{
	if (step_phase == 0) {
		if (!gc_ready)
			return gc_refused ? refuse("no group chat server") : PENDING;
		if (!ask_for_list())
			return PENDING;
		step_phase = 1;
	}
	if (!list_done)
		return PENDING;
	j_open("rooms");
	j_int("count", rooms->len);
	j_close();
	return PASS;
}

static void send_join(const char *uri)
{
	GHashTable *h = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
	g_hash_table_insert(h, "uri", g_strdup(uri));
	joined_conv = NULL;
	notices_taken = notices->len;
	g_hash_table_remove(replies, "rpl:bccontext");
	serv_join_chat(conn, h);
	g_hash_table_destroy(h);
}

static Verdict join_common(const char *arg)
{
	Room *r;
	if (!arg || !*arg)
		return refuse("join needs a room name or a ma-chan:// URI");
	if (step_phase == 0) {
		if (!gc_ready)
			return gc_refused ? refuse("no group chat server") : PENDING;
		if (g_str_has_prefix(arg, "ma-chan://")) {
			send_join(arg);
			step_phase = 2;
		} else if ((r = room_lookup(arg)) != NULL) {
			send_join(r->uri);
			step_phase = 2;
		} else if (ask_for_list()) {
			step_phase = 1;
		}
	}
	if (step_phase == 1 && list_done) {
		r = room_lookup(arg);
		if (!r)
			return refuse("no such room in the room list");
		send_join(r->uri);
		step_phase = 2;
	}
	return PENDING;
}

static Verdict s_join(const char *arg)
{
	Verdict v = join_common(arg);
	if (v != PENDING || step_phase < 2)
		return v;
	if (notices->len > notices_taken)
		return refuse(g_ptr_array_index(notices, notices_taken));
	if (joined_conv) {
		g_free(current_room);
		current_room = g_strdup(purple_conversation_get_name(joined_conv));
		return PASS;
	}
	return PENDING;
}

static Verdict s_join_fails(const char *arg)
{
	Verdict v = join_common(arg);
	if (v != PENDING || step_phase < 2)
		return v;
	if (joined_conv)
		return refuse("the join was accepted");
	if (notices->len > notices_taken) {
		notices_taken = notices->len;
		return PASS;
	}
	return PENDING;
}

static Verdict s_room(const char *arg)
{
	if (!arg || !conv_lookup(arg))
		return refuse("not in that room");
	g_free(current_room);
	current_room = g_strdup(arg);
	return PASS;
}

static Verdict s_members(const char *arg)
{
	PurpleConversation *c = conv_current();
	GList *l;
	if (!c)
		return refuse("not in a room");
	j_open("members");
	j_str("room", purple_conversation_get_name(c));
	j_str("topic", purple_conv_chat_get_topic(PURPLE_CONV_CHAT(c)));
	j_key("members");
	g_string_append_c(jbuf, '[');
	for (l = purple_conv_chat_get_users(PURPLE_CONV_CHAT(c)); l; l = l->next) {
		PurpleConvChatBuddy *b = l->data;
		g_string_append(jbuf, "{\"uri\":");
		j_quote(b->name);
		j_bool("operator", (b->flags & PURPLE_CBFLAGS_OP) != 0);
		g_string_append(jbuf, l->next ? "}," : "}");
	}
	g_string_append_c(jbuf, ']');
	j_close();
	return PASS;
}

/* history[=SECONDS]: wait for the history answer, then for SECONDS of silence */
static Verdict s_history(const char *arg)
{
	double quiet = arg && *arg ? g_ascii_strtod(arg, NULL) : 0.5;
	gint64 last = MAX(join_mark, step_began);
	PurpleConversation *c = conv_current();
	guint i, n = 0;
	if (!c)
		return refuse("not in a room");
	if (!g_hash_table_lookup(replies, "rpl:bccontext"))
		return PENDING;
	for (i = 0; i < lines->len; i++) {
		Line *l = g_ptr_array_index(lines, i);
		if (strcmp(l->room, purple_conversation_get_name(c)))
			continue;
		last = MAX(last, l->seen);
		n += l->history ? 1 : 0;
	}
	if (since(last) < quiet)
		return PENDING;
	j_open("history");
	j_str("room", purple_conversation_get_name(c));
	j_int("count", n);
	j_close();
	return PASS;
}

static Verdict s_send(const char *arg)
{
	PurpleConversation *c = conv_current();
	char *html, **parts, *tmp;
	if (!c)
		return refuse("not in a room");
	/* "\n" in the step is a line break in the message */
	parts = g_strsplit(arg ? arg : "", "\\n", 0);
	tmp = g_strjoinv("\n", parts);
	g_strfreev(parts);
	html = g_markup_escape_text(tmp, -1);
	g_free(tmp);
	parts = g_strsplit(html, "\n", 0);
	tmp = g_strjoinv("<br>", parts);
	g_strfreev(parts);
	g_free(html);
	purple_conv_chat_send(PURPLE_CONV_CHAT(c), tmp);
	g_free(tmp);
	return PASS;
}

static Verdict s_expect(const char *arg)
{
	return find_line(arg ? arg : "", NULL) ? PASS : PENDING;
}

static Verdict s_expect_from(const char *arg)
{
	return find_line(NULL, arg ? arg : "") ? PASS : PENDING;
}

/* expect-none[=SECONDS]: no unread live line may turn up for that long */
static Verdict s_expect_none(const char *arg)
{
	double span = arg && *arg ? g_ascii_strtod(arg, NULL) : 2;
	guint i;
	for (i = 0; i < lines->len; i++) {
		Line *l = g_ptr_array_index(lines, i);
		if (l->seen >= step_began && !l->history)
			return refuse(l->text);
	}
	return since(step_began) >= span ? PASS : PENDING;
}

static Verdict s_expect_member(const char *arg)
{
	PurpleConversation *c = conv_current();
	if (!c)
		return refuse("not in a room");
	return purple_conv_chat_find_user(PURPLE_CONV_CHAT(c), arg) ? PASS : PENDING;
}

static Verdict s_expect_no_member(const char *arg)
{
	PurpleConversation *c = conv_current();
	if (!c)
		return refuse("not in a room");
	return purple_conv_chat_find_user(PURPLE_CONV_CHAT(c), arg) ? PENDING : PASS;
}

static Verdict s_expect_notice(const char *arg)
{
	guint i;
	for (i = notices_taken; i < notices->len; i++)
		if (strstr(g_ptr_array_index(notices, i), arg ? arg : "")) {
			notices_taken = i + 1;
			return PASS;
		}
	return PENDING;
}

static Verdict s_expect_reply(const char *arg)
{
	gpointer n = arg ? g_hash_table_lookup(replies, arg) : NULL;
	if (!n)
		return PENDING;
	g_hash_table_insert(replies, g_strdup(arg), GINT_TO_POINTER(GPOINTER_TO_INT(n) - 1));
	return PASS;
}

static Verdict s_expect_disconnect(const char *arg)
{
	return online ? PENDING : PASS;
}

static Verdict s_wait(const char *arg)
{
	return since(step_began) >= g_ascii_strtod(arg ? arg : "1", NULL) ? PASS : PENDING;
}

static Verdict s_leave(const char *arg)
{
	PurpleConversation *c = arg && *arg ? conv_lookup(arg) : conv_current();
	if (step_phase == 0) {
		if (!c)
			return refuse("not in a room");
		g_hash_table_remove(replies, "rpl:part");
		if (!arg || !*arg)
			g_clear_pointer(&current_room, g_free);
		purple_conversation_destroy(c);
		step_phase = 1;
	}
	return g_hash_table_lookup(replies, "rpl:part") ? PASS : PENDING;
}

/* ------------------------------------------------------------------ presence */

static const char *buddy_message(PurpleStatus *status)
{
	const char *text = purple_status_get_attr_string(status, "message");
	return text ? text : "";
}

static void on_buddy_status(PurpleBuddy *buddy, PurpleStatus *before, PurpleStatus *now)
{
	j_open("buddy-status");
	j_str("uri", purple_buddy_get_name(buddy));
	j_str("status", purple_status_get_id(now));
	j_str("message", buddy_message(now));
	j_close();
}

/* buddy=URI: put somebody on the contact list, whose presence is then subscribed to */
static Verdict s_buddy(const char *arg)
{
	PurpleGroup *group = purple_find_group("Other Contacts");
	PurpleBuddy *buddy;
	if (!arg || !*arg)
		return refuse("buddy needs a sip: URI");
	if (!group)
		return PENDING;	/* the contact list has not come yet */
	if (!purple_find_buddy(account, arg)) {
		buddy = purple_buddy_new(account, arg, NULL);
		purple_blist_add_buddy(buddy, NULL, group, NULL);
		purple_account_add_buddy(account, buddy);
	}
	return PASS;
}

/* expect-status=URI STATUS: the client shows that status of a contact */
static Verdict s_expect_status(const char *arg)
{
	char **part = g_strsplit(arg ? arg : "", " ", 2);
	PurpleBuddy *buddy = part[0] ? purple_find_buddy(account, part[0]) : NULL;
	Verdict v = PENDING;
	if (!part[0] || !part[1])
		v = refuse("expect-status needs a URI and a status");
	else if (!buddy)
		v = refuse("not on the contact list");
	else if (!strcmp(part[1], purple_status_get_id(
			 purple_presence_get_active_status(purple_buddy_get_presence(buddy)))))
		v = PASS;
	g_strfreev(part);
	return v;
}

/* status=ID [MESSAGE]: what the user chooses in the menu: available, busy, away ... */
static Verdict s_status(const char *arg)
{
	char **part = g_strsplit(arg ? arg : "", " ", 2);
	Verdict v = PASS;
	if (!part[0] || !purple_account_get_status(account, part[0]))
		v = refuse("no such status");
	else if (part[1])
		purple_account_set_status(account, part[0], TRUE, "message", part[1], NULL);
	else
		purple_account_set_status(account, part[0], TRUE, NULL);
	g_strfreev(part);
	return v;
}

/* expect-own-status=ID: the client shows that status of its own user */
static Verdict s_expect_own_status(const char *arg)
{
	PurpleStatus *now = purple_account_get_active_status(account);
	return now && !g_strcmp0(arg, purple_status_get_id(now)) ? PASS : PENDING;
}

static const struct {
	const char *name;
	Verdict (*run)(const char *arg);
} table[] = {
	{ "connect", s_connect }, { "disconnect", s_disconnect }, { "ready", s_ready },
	{ "list", s_list }, { "join", s_join }, { "join-fails", s_join_fails },
	{ "room", s_room }, { "members", s_members }, { "history", s_history },
	{ "send", s_send }, { "expect", s_expect }, { "expect-from", s_expect_from },
	{ "expect-none", s_expect_none }, { "expect-member", s_expect_member },
	{ "expect-no-member", s_expect_no_member }, { "expect-notice", s_expect_notice },
	{ "expect-reply", s_expect_reply }, { "expect-disconnect", s_expect_disconnect },
	{ "wait", s_wait }, { "leave", s_leave }, { "buddy", s_buddy },
	{ "expect-status", s_expect_status }, { "status", s_status },
	{ "expect-own-status", s_expect_own_status },
};

/* -------------------------------------------------------------- step machine */

static gboolean quit_now(gpointer data)
{
	g_main_loop_quit(loop);
	return G_SOURCE_REMOVE;
}

static void finish(int code)
{
	if (finishing)
		return;
	finishing = TRUE;
	exit_code = code;
	j_open("result");
	j_bool("ok", code == 0);
	j_close();
	if (account)
		purple_account_set_enabled(account, UI_ID, FALSE);
	g_timeout_add(200, quit_now, NULL);
}

static gboolean tick(gpointer data)
{
	char *arg;
	Verdict v = FAIL;
	guint i;

	if (finishing)
		return G_SOURCE_REMOVE;
	if (!step) {
		step = g_queue_pop_head(steps);
		if (!step) {
			if (!stdin_open)
				finish(any_failed ? 1 : 0);
			return G_SOURCE_CONTINUE;
		}
		step_began = g_get_monotonic_time();
		step_phase = 0;
	}

	arg = strchr(step, '=');
	for (i = 0; i < G_N_ELEMENTS(table); i++) {
		size_t n = strlen(table[i].name);
		if (strncmp(step, table[i].name, n) == 0 && (step[n] == 0 || step[n] == '='))
			break;
	}
	if (i == G_N_ELEMENTS(table)) {
		v = refuse("unknown step");
	} else if (!online && i > 1 && table[i].run != s_expect_disconnect &&
		   table[i].run != s_wait && table[i].run != s_expect_notice) {
		v = refuse(fatal_reason ? fatal_reason : "not connected");
	} else {
		double limit = opt.step_timeout;
		v = table[i].run(arg ? arg + 1 : NULL);
		if (table[i].run == s_wait || table[i].run == s_expect_none)
			limit = 1e9;
		if (v == PENDING && since(step_began) > limit)
			v = refuse("timed out");
	}
	if (v == PENDING)
		return G_SOURCE_CONTINUE;

	j_open("step");
	j_str("step", step);
	j_bool("ok", v == PASS);
	j_int("ms", (gint64)(since(step_began) * 1000));
	j_close();
	g_clear_pointer(&step, g_free);
	if (v == FAIL) {
		any_failed = TRUE;
		if (!opt.from_stdin)
			finish(1);
	}
	return G_SOURCE_CONTINUE;
}

static gboolean on_stdin(gint fd, GIOCondition cond, gpointer data)
{
	static GString *in;
	char buf[4096], *nl;
	ssize_t n = read(fd, buf, sizeof buf);
	if (!in)
		in = g_string_new(NULL);
	if (n <= 0) {
		stdin_open = FALSE;
		return G_SOURCE_REMOVE;
	}
	g_string_append_len(in, buf, n);
	while ((nl = strchr(in->str, '\n')) != NULL) {
		char *line = g_strndup(in->str, nl - in->str);
		g_string_erase(in, 0, nl - in->str + 1);
		g_strstrip(line);
		if (strcmp(line, "quit") == 0) {
			stdin_open = FALSE;
			g_free(line);
			return G_SOURCE_REMOVE;
		}
		if (*line && *line != '#')
			g_queue_push_tail(steps, line);
		else
			g_free(line);
	}
	return G_SOURCE_CONTINUE;
}

static gboolean on_total_timeout(gpointer data)
{
	say("failure", "why", "the whole run took too long");
	finish(1);
	return G_SOURCE_REMOVE;
}

static gboolean on_signal(gpointer data)
{
	say("failure", "why", "interrupted");
	finish(1);
	return G_SOURCE_CONTINUE;
}

/* ---------------------------------------------------------------------- main */

static void ui_init(void)
{
	purple_connections_set_ui_ops(&conn_ops);
	purple_conversations_set_ui_ops(&conv_ops);
	purple_notify_set_ui_ops(&notify_ops);
	purple_request_set_ui_ops(&request_ops);
	purple_roomlist_set_ui_ops(&roomlist_ops);
}

static void ui_debug_init(void)
{
	purple_debug_set_ui_ops(&debug_ops);
}

static PurpleCoreUiOps core_ops = { .debug_ui_init = ui_debug_init, .ui_init = ui_init };

static void swallow(const gchar *text)
{
	if (debug_out)
		fputs(text, debug_out);
}

static void remove_tree(const char *dir)
{
	GDir *d = g_dir_open(dir, 0, NULL);
	const char *name;
	while (d && (name = g_dir_read_name(d)) != NULL) {
		char *path = g_build_filename(dir, name, NULL);
		if (g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK))
			remove_tree(path);
		else
			unlink(path);
		g_free(path);
	}
	if (d)
		g_dir_close(d);
	rmdir(dir);
}

int main(int argc, char **argv)
{
	char *host = NULL, *password_file = NULL;
	int port = 0;
	char **rest = NULL;
	GOptionEntry entries[] = {
		{ "host", 0, 0, G_OPTION_ARG_STRING, &host, "server address (default 127.0.0.1)", "HOST" },
		{ "port", 0, 0, G_OPTION_ARG_INT, &port, "server port (default 5060 tcp, 5061 tls)", "PORT" },
		{ "transport", 0, 0, G_OPTION_ARG_STRING, &opt.transport, "tcp (default) or tls", "T" },
		{ "account", 0, 0, G_OPTION_ARG_STRING, &opt.account, "sip:user@domain", "URI" },
		{ "login", 0, 0, G_OPTION_ARG_STRING, &opt.login, "login user, DOMAIN\\user or user@realm", "USER" },
		{ "password", 0, 0, G_OPTION_ARG_STRING, &opt.password, "password (or $SIPE_RIG_PASSWORD)", "PW" },
		{ "password-file", 0, 0, G_OPTION_ARG_FILENAME, &password_file, "file with the password", "FILE" },
		{ "auth", 0, 0, G_OPTION_ARG_STRING, &opt.auth, "ntlm (default), krb5, tls-dsk, auto", "SCHEME" },
		{ "sso", 0, 0, G_OPTION_ARG_NONE, &opt.sso, "sign in with the ticket of who is logged on, not with the password", NULL },
		{ "groupchat", 0, 0, G_OPTION_ARG_STRING, &opt.groupchat, "group chat user URI; overrides provisioning", "URI" },
		{ "ca", 0, 0, G_OPTION_ARG_FILENAME, &opt.ca, "folder of certificate authorities to trust besides the system's (*.pem)", "DIR" },
		{ "user-agent", 0, 0, G_OPTION_ARG_STRING, &opt.user_agent, "User-Agent header", "UA" },
		{ "insecure", 'k', 0, G_OPTION_ARG_NONE, &opt.insecure, "accept any TLS certificate", NULL },
		{ "plugin", 0, 0, G_OPTION_ARG_FILENAME, &opt.plugin, "libsipe.so to use instead of the installed one", "FILE" },
		{ "stdin", 0, 0, G_OPTION_ARG_NONE, &opt.from_stdin, "read more steps from standard input", NULL },
		{ "login-fails", 0, 0, G_OPTION_ARG_NONE, &opt.want_login_failure, "pass only when sign-in is refused", NULL },
		{ "step-timeout", 0, 0, G_OPTION_ARG_DOUBLE, &opt.step_timeout, "seconds a step may take (15)", "S" },
		{ "timeout", 0, 0, G_OPTION_ARG_DOUBLE, &opt.total_timeout, "seconds the run may take (120)", "S" },
		{ "debug", 'd', 0, G_OPTION_ARG_NONE, &opt.debug, "write the plugin's log to stderr", NULL },
		{ "debug-file", 0, 0, G_OPTION_ARG_FILENAME, &opt.debug_file, "write the plugin's log to a file", "FILE" },
		{ "home", 0, 0, G_OPTION_ARG_FILENAME, &opt.home, "libpurple directory to use and keep", "DIR" },
		{ "email-url", 0, 0, G_OPTION_ARG_STRING, &opt.email_url, "Exchange URL (default: a closed local port)", "URL" },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &rest, NULL, "STEP..." },
		{ NULL }
	};
	GOptionContext *ctx = g_option_context_new("- drive pidgin-sipe");
	GError *err = NULL;
	char *user, *server, *name;
	char **s;

	/* English texts, and UTF-8 for arguments and passwords, whatever the shell has */
	g_setenv("LC_ALL", "C.UTF-8", TRUE);
	setlocale(LC_ALL, "");
	g_option_context_add_main_entries(ctx, entries, NULL);
	g_option_context_set_description(ctx,
		"Steps: connect ready list join=ROOM|URI join-fails=ROOM|URI room=ROOM members\n"
		"history[=QUIET] send=TEXT expect=TEXT expect-from=URI expect-none[=S]\n"
		"expect-member=URI expect-no-member=URI expect-notice=TEXT expect-reply=ID\n"
		"expect-disconnect wait=S leave[=ROOM] disconnect buddy=URI\n"
		"status=ID [NOTE] expect-status=URI ID expect-own-status=ID\n");
	if (!g_option_context_parse(ctx, &argc, &argv, &err)) {
		fprintf(stderr, "%s\n", err->message);
		return 2;
	}
	if (!opt.account) {
		fprintf(stderr, "--account is needed; try --help\n");
		return 2;
	}
	if (password_file) {
		if (!g_file_get_contents(password_file, &opt.password, NULL, &err)) {
			fprintf(stderr, "%s\n", err->message);
			return 2;
		}
		g_strchomp(opt.password);
	}
	if (!opt.password)
		opt.password = g_strdup(g_getenv("SIPE_RIG_PASSWORD"));
	if (opt.debug_file)
		debug_out = fopen(opt.debug_file, "w");
	else if (opt.debug)
		debug_out = stderr;

	signal(SIGPIPE, SIG_IGN);
	jbuf = g_string_new(NULL);
	rooms = g_ptr_array_new();
	lines = g_ptr_array_new();
	notices = g_ptr_array_new();
	replies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	steps = g_queue_new();
	loop = g_main_loop_new(NULL, FALSE);

	g_set_print_handler(swallow);
	if (!opt.home) {
		opt.home = g_dir_make_tmp("sipe-rig-XXXXXX", NULL);
	} else {
		opt.keep_home = TRUE;
	}
	purple_util_set_user_dir(opt.home);
	/* unsafe: the plugin then also logs whole SIP messages */
	purple_debug_set_verbose(TRUE);
	purple_debug_set_unsafe(TRUE);
	purple_core_set_ui_ops(&core_ops);
	purple_eventloop_set_ui_ops(&loop_ops);
	if (opt.plugin) {
		/* searched before the system's folder; the first plugin of a name wins */
		char *full = g_canonicalize_filename(opt.plugin, NULL);
		char *dir = g_path_get_dirname(full);
		purple_plugins_add_search_path(dir);
		g_free(dir);
		g_free(opt.plugin);
		opt.plugin = full;
	}
	if (!purple_core_init(UI_ID)) {
		fprintf(stderr, "libpurple did not start\n");
		return 2;
	}
	purple_set_blist(purple_blist_new());
	purple_prefs_load();
	purple_prefs_set_bool("/purple/logging/log_chats", FALSE);
	purple_prefs_set_bool("/purple/logging/log_ims", FALSE);
	if (!purple_find_prpl(PRPL_ID)) {
		fprintf(stderr, "the pidgin-sipe plugin is not installed\n");
		return 2;
	}
	if (opt.plugin && strcmp(purple_find_prpl(PRPL_ID)->path, opt.plugin)) {
		fprintf(stderr, "%s was not taken; %s was\n", opt.plugin, purple_find_prpl(PRPL_ID)->path);
		return 2;
	}
	if (opt.insecure)
		install_trust_all();
	if (opt.ca)
		purple_certificate_add_ca_search_path(opt.ca);

	purple_signal_connect(purple_conversations_get_handle(), "chat-joined", &handle,
			      PURPLE_CALLBACK(on_chat_joined), NULL);
	purple_signal_connect(purple_conversations_get_handle(), "chat-buddy-joined", &handle,
			      PURPLE_CALLBACK(on_member_joined), NULL);
	purple_signal_connect(purple_conversations_get_handle(), "chat-buddy-left", &handle,
			      PURPLE_CALLBACK(on_member_left), NULL);
	purple_signal_connect(purple_conversations_get_handle(), "chat-topic-changed", &handle,
			      PURPLE_CALLBACK(on_topic), NULL);
	purple_signal_connect(purple_blist_get_handle(), "buddy-status-changed", &handle,
			      PURPLE_CALLBACK(on_buddy_status), NULL);

	user = g_str_has_prefix(opt.account, "sip:") ? opt.account + 4 : opt.account;
	name = opt.login ? g_strdup_printf("%s,%s", user, opt.login) : g_strdup_printf("%s,", user);
	account = purple_account_new(name, PRPL_ID);
	server = g_strdup_printf("%s:%d", host ? host : "127.0.0.1",
				 port ? port : strcmp(opt.transport, "tls") ? 5060 : 5061);
	purple_account_set_string(account, "server", server);
	purple_account_set_string(account, "transport", opt.transport);
	purple_account_set_string(account, "authentication", opt.auth);
	purple_account_set_bool(account, "sso", opt.sso);
	purple_account_set_bool(account, "dont-publish", TRUE);
	/* keep the calendar code from looking for an Exchange server on the network */
	purple_account_set_string(account, "email_url",
				  opt.email_url ? opt.email_url : "https://127.0.0.1:9/none");
	if (opt.user_agent)
		purple_account_set_string(account, "useragent", opt.user_agent);
	if (opt.groupchat)
		purple_account_set_string(account, "groupchat_user",
			g_str_has_prefix(opt.groupchat, "sip:") ? opt.groupchat + 4 : opt.groupchat);
	purple_account_set_password(account, opt.password);
	purple_accounts_add(account);

	j_open("start");
	j_str("plugin_version", purple_plugin_get_version(purple_find_prpl(PRPL_ID)));
	j_str("plugin_file", purple_find_prpl(PRPL_ID)->path);
	j_str("libpurple", purple_core_get_version());
	j_str("server", server);
	j_str("transport", opt.transport);
	j_str("account", user);
	j_close();

	purple_savedstatus_activate(purple_savedstatus_new(NULL, PURPLE_STATUS_AVAILABLE));

	g_queue_push_tail(steps, g_strdup("connect"));
	for (s = rest; s && *s; s++)
		g_queue_push_tail(steps, g_strdup(*s));
	if (opt.from_stdin) {
		stdin_open = TRUE;
		g_unix_fd_add(0, G_IO_IN | G_IO_HUP, on_stdin, NULL);
	}
	g_unix_signal_add(SIGINT, on_signal, NULL);
	g_unix_signal_add(SIGTERM, on_signal, NULL);
	g_timeout_add((guint)(opt.total_timeout * 1000), on_total_timeout, NULL);
	g_timeout_add(20, tick, NULL);
	g_main_loop_run(loop);

	purple_signals_disconnect_by_handle(&handle);
	purple_core_quit();
	if (!opt.keep_home)
		remove_tree(opt.home);
	return exit_code;
}
