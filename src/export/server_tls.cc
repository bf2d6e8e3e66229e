#include "src/export/server_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"

namespace tlsmeter::agent {
namespace {

absl::Status FileError(std::string_view what, const std::string& file) {
  const unsigned long code = ERR_peek_last_error();
  char reason[256] = "unknown error";
  // Of a file that cannot be opened the last error says only that.
  if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SYS) {
    ERR_error_string_n(ERR_peek_error(), reason, sizeof(reason));
  } else if (code != 0) {
    ERR_error_string_n(code, reason, sizeof(reason));
  }
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrFormat("cannot use %s %s: %s", what, file, reason));
}

// Without it OpenSSL asks for the passphrase on the terminal.
int NoPassphrase(char*, int, int, void*) { return 0; }

// For client_auth_type without verification: any certificate will do.
int AcceptAny(int, X509_STORE_CTX*) { return 1; }

void SetClientAuth(ClientAuth client_auth, SSL_CTX* context) {
  switch (client_auth) {
    case ClientAuth::kNone:
      SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
      break;
    case ClientAuth::kRequest:
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, AcceptAny);
      break;
    case ClientAuth::kRequireAny:
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, AcceptAny);
      break;
    case ClientAuth::kVerifyIfGiven:
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
      break;
    case ClientAuth::kRequireAndVerify:
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
      break;
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<boost::asio::ssl::context>> LoadServerTls(const TlsServerConfig& config) {
  ERR_clear_error();
  auto tls = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
  SSL_CTX* const context = tls->native_handle();
  SSL_CTX_set_min_proto_version(context, config.min_version);
  SSL_CTX_set_max_proto_version(context, config.max_version);
  // A client must not be able to make us work for nothing on a connection that it has, nor to fill a cache.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // Tickets of clients with certificates are refused without it (SSL_CTX_set_session_id_context(3)).
  constexpr unsigned char kSessionContext[] = "tlsmeter";
  SSL_CTX_set_session_id_context(context, kSessionContext, sizeof(kSessionContext));
  SSL_CTX_set_default_passwd_cb(context, NoPassphrase);

  if (SSL_CTX_use_certificate_chain_file(context, config.cert_file.c_str()) != 1) {
    return FileError("cert_file", config.cert_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context, config.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return FileError("key_file", config.key_file);
  }
  if (!config.client_ca_file.empty()) {
    // The names are sent to clients, so that they can choose a certificate.
    STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(config.client_ca_file.c_str());
    if (names == nullptr || SSL_CTX_load_verify_file(context, config.client_ca_file.c_str()) != 1) {
      sk_X509_NAME_pop_free(names, X509_NAME_free);
      return FileError("client_ca_file", config.client_ca_file);
    }
    SSL_CTX_set_client_CA_list(context, names);
  }
  SetClientAuth(config.client_auth, context);
  return tls;
}

}  // namespace tlsmeter::agent
