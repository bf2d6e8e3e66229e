// A client with GnuTLS that checks the names in the server's certificate itself, and trusts any authority. usage: name_check
// PORT WHEN NAME...
// WHEN: `within` the handshake, from a callback; `after` it; `copy`, after it, with a certificate made of a copy of the
// bytes. Each NAME is a host name or an IPv4 address. Where none is in the certificate the client refuses it or goes away;
// else it sends a request.
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static char** g_names;

static void Die(const char* what) {
  fprintf(stderr, "name_check: %s\n", what);
  exit(2);
}

static int IsNamed(gnutls_x509_crt_t certificate, const char* name) {
  struct in_addr address;
  if (inet_pton(AF_INET, name, &address) != 1) return gnutls_x509_crt_check_hostname(certificate, name) != 0;
  return gnutls_x509_crt_check_ip(certificate, (const unsigned char*)&address, sizeof(address), 0) != 0;
}

// 0 when one of the names is in the certificate that `bytes` hold.
static int Check(const gnutls_datum_t* bytes) {
  gnutls_x509_crt_t certificate;
  int named = 0;
  if (gnutls_x509_crt_init(&certificate) < 0 || gnutls_x509_crt_import(certificate, bytes, GNUTLS_X509_FMT_DER) < 0) {
    Die("the certificate cannot be read");
  }
  for (char** name = g_names; *name != NULL; ++name) named |= IsNamed(certificate, *name);
  gnutls_x509_crt_deinit(certificate);
  return named ? 0 : -1;
}

static const gnutls_datum_t* Shown(gnutls_session_t session) {
  unsigned count = 0;
  const gnutls_datum_t* chain = gnutls_certificate_get_peers(session, &count);
  if (chain == NULL || count == 0) Die("no certificate was shown");
  return chain;
}

static int Within(gnutls_session_t session) { return Check(Shown(session)); }

static int CheckCopy(const gnutls_datum_t* shown) {
  gnutls_datum_t copy = {malloc(shown->size), shown->size};
  if (copy.data == NULL) Die("no memory");
  memcpy(copy.data, shown->data, shown->size);
  const int result = Check(&copy);
  free(copy.data);
  return result;
}

static int Connect(const char* port) {
  const struct sockaddr_in server = {
      .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (const struct sockaddr*)&server, sizeof(server)) != 0) Die("cannot connect");
  return fd;
}

int main(int argc, char** argv) {
  static const char kRequest[] = "GET / HTTP/1.0\r\n\r\n";
  gnutls_certificate_credentials_t credentials;
  gnutls_session_t session;
  if (argc < 4) Die("usage: name_check PORT WHEN NAME...");
  const int within = strcmp(argv[2], "within") == 0, copy = strcmp(argv[2], "copy") == 0;
  g_names = argv + 3;
  if (gnutls_certificate_allocate_credentials(&credentials) < 0 || gnutls_init(&session, GNUTLS_CLIENT) < 0 ||
      gnutls_set_default_priority(session) < 0 || gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) < 0) {
    Die("no memory");
  }
  if (within) gnutls_certificate_set_verify_function(credentials, Within);
  const int fd = Connect(argv[1]);
  gnutls_transport_set_int(session, fd);
  int result;
  do {
    result = gnutls_handshake(session);
  } while (result < 0 && gnutls_error_is_fatal(result) == 0);
  if (result == 0 && !within) result = copy ? CheckCopy(Shown(session)) : Check(Shown(session));
  char answer[4096];
  if (result == 0) {
    gnutls_record_send(session, kRequest, sizeof(kRequest) - 1);
    gnutls_record_recv(session, answer, sizeof(answer));
  }
  gnutls_deinit(session);
  gnutls_certificate_free_credentials(credentials);
  return result == 0 ? 0 : 1;
}
