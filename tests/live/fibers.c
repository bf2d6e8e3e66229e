// Handshakes on fibers: client and server run on stacks of their own, and each leaves its own in the middle of SSL_connect
// or SSL_accept whenever there is nothing to read, as OpenSSL's async jobs do. So a probed function is suspended while
// another call of it begins and returns; a sensor that changes return addresses kills this program. usage: fibers
// COUNT CERTIFICATE KEY [CLIENT_CERTIFICATE CLIENT_KEY]. With the last two the server, which trusts nobody, asks for the
// client's certificate and refuses it; under TLS 1.2, so that both handshakes fail.
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { kClient, kServer, kStackBytes = 256 * 1024, kPipeBytes = 64 * 1024 };

// Bytes on their way to one of the two.
struct Pipe {
  unsigned char bytes[kPipeBytes];
  size_t length;
};

static struct Pipe g_pipes[2];
static ucontext_t g_main, g_fibers[2];
static int g_result[2];
static SSL* g_ssl[2];

static void Die(const char* what) {
  fprintf(stderr, "fibers: %s\n", what);
  exit(1);
}

static int Write(BIO* bio, const char* data, int length) {
  struct Pipe* pipe = &g_pipes[1 - (int)(size_t)BIO_get_data(bio)];
  if (length < 0 || (size_t)length > kPipeBytes - pipe->length) Die("pipe is full");
  memcpy(pipe->bytes + pipe->length, data, (size_t)length);
  pipe->length += (size_t)length;
  return length;
}

static int Read(BIO* bio, char* data, int length) {
  const int self = (int)(size_t)BIO_get_data(bio);
  struct Pipe* pipe = &g_pipes[self];
  while (pipe->length == 0) swapcontext(&g_fibers[self], &g_fibers[1 - self]);
  const size_t take = pipe->length < (size_t)length ? pipe->length : (size_t)length;
  memcpy(data, pipe->bytes, take);
  memmove(pipe->bytes, pipe->bytes + take, pipe->length - take);
  pipe->length -= take;
  return (int)take;
}

static long Control(BIO* bio, int command, long number, void* pointer) {
  (void)bio, (void)number, (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

// Who is done first lets the other finish.
static void Shake(int self) {
  g_result[self] = self == kClient ? SSL_connect(g_ssl[self]) : SSL_accept(g_ssl[self]);
  if (g_result[1 - self] == 0) setcontext(&g_fibers[1 - self]);
}

static void Handshake(SSL_CTX* const contexts[2], BIO_METHOD* method, char stacks[2][kStackBytes], int refused) {
  for (int i = 0; i < 2; ++i) {
    BIO* bio = BIO_new(method);
    if (bio == NULL || (g_ssl[i] = SSL_new(contexts[i])) == NULL) Die("no memory");
    BIO_set_data(bio, (void*)(size_t)i);
    BIO_set_init(bio, 1);
    SSL_set_bio(g_ssl[i], bio, bio);
    g_result[i] = 0;
    g_pipes[i].length = 0;
    getcontext(&g_fibers[i]);
    g_fibers[i].uc_stack.ss_sp = stacks[i];
    g_fibers[i].uc_stack.ss_size = kStackBytes;
    g_fibers[i].uc_link = &g_main;
    makecontext(&g_fibers[i], (void (*)(void))Shake, 1, i);
  }
  swapcontext(&g_main, &g_fibers[kServer]);
  for (int i = 0; i < 2; ++i) {
    if ((g_result[i] == 1) == refused) Die(refused ? "a handshake succeeded" : "a handshake failed");
    SSL_free(g_ssl[i]);
  }
}

static void Show(SSL_CTX* context, const char* certificate, const char* key) {
  if (SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
    Die("the certificate does not load");
  }
}

int main(int argc, char** argv) {
  static char stacks[2][kStackBytes];
  if (argc != 4 && argc != 6) Die("usage: fibers COUNT CERTIFICATE KEY [CLIENT_CERTIFICATE CLIENT_KEY]");
  SSL_CTX* const contexts[2] = {SSL_CTX_new(TLS_client_method()), SSL_CTX_new(TLS_server_method())};
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "fiber");
  if (contexts[kClient] == NULL || contexts[kServer] == NULL || method == NULL) Die("no memory");
  BIO_meth_set_write(method, Write);
  BIO_meth_set_read(method, Read);
  BIO_meth_set_ctrl(method, Control);
  const int count = atoi(argv[1]), refused = argc == 6;
  Show(contexts[kServer], argv[2], argv[3]);
  if (refused) {
    Show(contexts[kClient], argv[4], argv[5]);
    SSL_CTX_set_verify(contexts[kServer], SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_max_proto_version(contexts[kServer], TLS1_2_VERSION);
  }
  for (int i = 0; i < count; ++i) Handshake(contexts, method, stacks, refused);
  printf("%d\n", count);
  return 0;
}
