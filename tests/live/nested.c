// Handshakes within handshakes: whenever a client or a server has come some way in a step of its own, a callback of OpenSSL
// makes a whole other connection on the same stack, client and server, before that step goes on. With `error` it raises an
// error of the TLS library instead, and forgives it. usage: nested CERTIFICATE KEY [error]
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { kClient, kServer };

enum { kStackBytes = 256 * 1024, kStackAlignment = 64 * 1024, kPipeBytes = 64 * 1024 };

static SSL_CTX* g_outer[2];
static SSL_CTX* g_inner[2];
static ucontext_t g_main;
static bool g_error;

static void Die(const char* what) {
  fprintf(stderr, "nested: %s\n", what);
  exit(1);
}

// One connection in memory, its sides in turns.
static void Handshake(SSL_CTX* const contexts[2]) {
  BIO* ends[2];
  SSL* sides[2];
  if (BIO_new_bio_pair(&ends[kClient], kPipeBytes, &ends[kServer], kPipeBytes) != 1) Die("no memory");
  for (int i = 0; i < 2; ++i) {
    if ((sides[i] = SSL_new(contexts[i])) == NULL) Die("no memory");
    SSL_set_bio(sides[i], ends[i], ends[i]);
  }
  SSL_set_connect_state(sides[kClient]);
  SSL_set_accept_state(sides[kServer]);
  int turn = kClient, result[2] = {0, 0};
  while (result[kClient] != 1 || result[kServer] != 1) {
    result[turn] = SSL_do_handshake(sides[turn]);
    if (result[turn] != 1 && SSL_get_error(sides[turn], result[turn]) != SSL_ERROR_WANT_READ) Die("a handshake failed");
    turn = 1 - turn;
  }
  for (int i = 0; i < 2; ++i) SSL_free(sides[i]);
}

// The first time that a side has read the peer's hello: certificates are still to come.
static void Interrupt(int sent, int version, int type, const void* message, size_t length, SSL* ssl, void* argument) {
  const unsigned char hello = SSL_is_server(ssl) ? SSL3_MT_CLIENT_HELLO : SSL3_MT_SERVER_HELLO;
  (void)version, (void)argument;
  if (sent || type != SSL3_RT_HANDSHAKE || length == 0 || *(const unsigned char*)message != hello) return;
  if (!g_error) {
    Handshake(g_inner);
    return;
  }
  if (SSL_set_cipher_list(ssl, "none of this name") == 1 || ERR_GET_LIB(ERR_peek_error()) != ERR_LIB_SSL) Die("no error");
  ERR_clear_error();
}

static void Show(SSL_CTX* context, const char* certificate, const char* key) {
  if (SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
    Die("the certificate does not load");
  }
}

static void Run(void) { Handshake(g_outer); }

int main(int argc, char** argv) {
  // Aligned, for inner and outer steps to begin in the same stretch of stack.
  static _Alignas(kStackAlignment) char stack[kStackBytes];
  ucontext_t fiber;
  g_error = argc == 4 && strcmp(argv[3], "error") == 0;
  if (argc != 3 && !g_error) Die("usage: nested CERTIFICATE KEY [error]");
  for (int i = 0; i < 2; ++i) {
    const SSL_METHOD* method = i == kClient ? TLS_client_method() : TLS_server_method();
    if ((g_outer[i] = SSL_CTX_new(method)) == NULL || (g_inner[i] = SSL_CTX_new(method)) == NULL) Die("no memory");
    SSL_CTX_set_msg_callback(g_outer[i], Interrupt);
  }
  Show(g_outer[kServer], argv[1], argv[2]);
  Show(g_inner[kServer], argv[1], argv[2]);
  getcontext(&fiber);
  fiber.uc_stack.ss_sp = stack;
  fiber.uc_stack.ss_size = sizeof(stack);
  fiber.uc_link = &g_main;
  makecontext(&fiber, Run, 0);
  swapcontext(&g_main, &fiber);
  return 0;
}
