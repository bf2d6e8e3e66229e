// A TLS library in small, of which the build makes ELF files for fuzz_elf_file to begin with: what the decoders ask for, in
// the shapes that they know. Only ever read.
#include <stddef.h>

struct X509;
struct Cipher {
  long skip;
  unsigned id;
};
struct Session {
  long skip[4];
  struct X509* peer;
  struct Cipher* cipher;
  unsigned group;
};
struct Ssl;
struct Method {
  long skip[5];
  int (*accept)(struct Ssl*);
  int (*connect)(struct Ssl*);
  long more[8];
  int (*dispatch)(struct Ssl*);
  long (*ctrl)(struct Ssl*, int, long, void*);
};
struct Ssl {
  int version;
  const struct Method* method;
  void* bio;
  int want;
  int (*handshake)(struct Ssl*);
  int server, state, hand_state;
  struct Session* session;
  int resumed;
  long verified;
  unsigned char client[32], server_random[32];
  int pending;
  unsigned char alert[2];
  unsigned char* alpn;
  size_t alpn_length;
  char* name;
  unsigned short group;
};

int d2i_X509(struct X509**, const unsigned char**, long);
int i2d_X509(struct X509*, unsigned char**);
void ERR_set_error(int, int, const char*);
void* memcpy(void*, const void*, size_t);

static int Accept(struct Ssl* s) {
  const unsigned char* in = s->alpn;
  if (d2i_X509(NULL, &in, (long)s->alpn_length) != 1) ERR_set_error(20, 134, NULL);
  return s->state == 1 ? 1 : -1;
}

static int Connect(struct Ssl* s) {
  unsigned char* out = s->alpn;
  if (i2d_X509(s->session->peer, &out) < 0) return -1;
  return Accept(s) + 1;
}

static int Dispatch(struct Ssl* s) {
  s->pending = 1;
  return s->alert[0] + s->alert[1];
}

static long Control(struct Ssl* s, int command, long number, void* pointer) {
  (void)pointer;
  switch (command) {
    case 134:
      return s->version == 0x304 ? s->group : (long)s->session->group;
    case 135:
      return number;
    case 136:
      return s->want;
    case 137:
      return s->pending;
    case 138:
      return s->resumed;
  }
  return 0;
}

static const struct Method g_method = {.accept = Accept, .connect = Connect, .dispatch = Dispatch, .ctrl = Control};

const struct Method* TLS_method(void) { return &g_method; }
void SSL_set_accept_state(struct Ssl* s) { s->handshake = s->method->accept; }
void SSL_set_connect_state(struct Ssl* s) { s->handshake = s->method->connect; }
int SSL_version(const struct Ssl* s) { return s->version; }
int SSL_is_server(const struct Ssl* s) { return s->server; }
int SSL_get_state(const struct Ssl* s) { return s->hand_state; }
int SSL_in_before(const struct Ssl* s) { return s->hand_state == 0 && s->state == 0; }
int SSL_want(const struct Ssl* s) { return s->want; }
int SSL_session_reused(const struct Ssl* s) { return s->resumed; }
long SSL_get_verify_result(const struct Ssl* s) { return s->verified; }
void* SSL_get_rbio(const struct Ssl* s) { return s->bio; }
struct Session* SSL_get_session(const struct Ssl* s) {
  return s->session;
}
struct X509* SSL_SESSION_get0_peer(struct Session* s) {
  return s->peer;
}
struct Cipher* SSL_get_current_cipher(const struct Ssl* s) {
  return s->session != NULL ? s->session->cipher : NULL;
}
unsigned SSL_CIPHER_get_id(const struct Cipher* c) { return c->id; }
const char* SSL_get_servername(const struct Ssl* s, int type) { return type == 0 ? s->name : NULL; }
long SSL_ctrl(struct Ssl* s, int command, long number, void* pointer) {
  return s->method->ctrl(s, command, number, pointer);
}
void SSL_get0_alpn_selected(const struct Ssl* s, const unsigned char** data, unsigned* length) {
  *data = s->alpn;
  *length = (unsigned)s->alpn_length;
}
size_t SSL_get_client_random(const struct Ssl* s, unsigned char* out, size_t length) {
  if (length > 32) length = 32;
  memcpy(out, s->client, length);
  return length;
}
size_t SSL_get_server_random(const struct Ssl* s, unsigned char* out, size_t length) {
  if (length > 32) length = 32;
  memcpy(out, s->server_random, length);
  return length;
}
void SSL_free(struct Ssl* s) { s->handshake = NULL; }

struct Bio {
  int* method;
  int flags, retry_reason, number;
};
int BIO_method_type(const struct Bio* b) { return *b->method; }
int BIO_get_retry_reason(const struct Bio* b) { return b->retry_reason; }
int BIO_test_flags(const struct Bio* b, int flags) { return b->flags & flags; }
const char* OpenSSL_version(int type) { return type == 0 ? "OpenSSL 3.0.0 in small" : ""; }

struct Gnu {
  struct Parameters {
    int skip[2], version, group;
  } * parameters;
  int server, resumed, alert;
  void* transport;
  unsigned char client[32], server_random[32];
};
struct Datum {
  unsigned char* data;
  unsigned size;
};
int gnutls_pcert_import_x509_raw(void* certificate, const struct Datum* datum) { return certificate != NULL && datum->size; }
int gnutls_handshake(struct Gnu* g) { return g->alert != 0 ? -12 : 0; }
void gnutls_deinit(struct Gnu* g) { g->transport = NULL; }
int gnutls_protocol_get_version(const struct Gnu* g) { return g->parameters->version; }
int gnutls_group_get(const struct Gnu* g) { return g->parameters->group; }
int gnutls_alert_get(const struct Gnu* g) { return g->alert; }
void* gnutls_transport_get_ptr(const struct Gnu* g) { return g->transport; }
int gnutls_session_is_resumed(const struct Gnu* g) { return g->resumed; }
int gnutls_server_name_get(const struct Gnu* g) { return g->server == 1 ? -50 : 0; }
const char* gnutls_check_version(const char* wanted) { return wanted == NULL ? "3.7.0 in small" : NULL; }
void gnutls_session_get_random(struct Gnu* g, struct Datum* client, struct Datum* server) {
  client->data = g->client;
  client->size = sizeof(g->client);
  server->data = g->server_random;
  server->size = sizeof(g->server_random);
}
