/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract of the library sensor with user space: what a probe means, how a build lays out its fields, and the records
 * of its own ring buffer. Plain C for both sides.
 *
 * A handshake is named by {tgid, object, start_ns}: the process, the address of the library's connection object in it
 * (OpenSSL: SSL*), and when its first step began. Records carry facts of the handshake and certificates, which are public;
 * never application data, keys or tickets.
 */
#ifndef TLSMETER_BPF_LIBRARY_H
#define TLSMETER_BPF_LIBRARY_H

#include "events.h"

/* Bytes of the sensor's ring; a power of two. A handshake side takes 1 KiB, and each certificate that was not sent before
 * 4 KiB: at 1,000 handshakes a second and a 50 ms poll it fills to some 2 %, where every certificate is a new one to 20 %.
 */
#define TM_LIBRARY_RING_BYTES (4 * 1024 * 1024)
#define TM_LIBRARY_WAKE_BYTES (TM_LIBRARY_RING_BYTES / 4)

/* Files with TLS code that can be instrumented at one time. */
#define TM_IMAGES 256

/* A probe's cookie: its kind in the low byte, the image's slot in the next three, and above them where to look, as
 * struct Probe of src/image/image_plan.h has it. */
#define TM_COOKIE_SLOT_SHIFT 8
#define TM_COOKIE_WHERE_SHIFT 32
#define TM_FIRST_ARGUMENT 0xfe /* in place of a register's number */
#define TM_NO_REGISTER 0xff

/* The longest certificate that is taken, and how many of one side of a handshake. */
#define TM_CERTIFICATE_BYTES (64 * 1024)
#define TM_CHAIN 16

/* A handshake takes no longer: one that is over when an image was probed for this long began under its probes. */
#define TM_HANDSHAKE_NS 60000000000ULL

/* Certificates known to have been sent. */
#define TM_CERTIFICATES_KNOWN 2048

/* What comes this long after the end of a handshake is told: under TLS 1.3 a server refuses a client only after the client
 * is done, and programs judge a certificate when they like. */
#define TM_LATE_NS 5000000000ULL

#define TM_SERVER_NAME_BYTES 256 /* with the terminating zero (RFC 1035: at most 255) */
#define TM_ALPN_BYTES 32

/* What it means that an address was reached. The low byte of the cookie. */
enum tm_probe {
	TM_PROBE_HANDSHAKE_START,      /* OpenSSL: the state machine begins with an object */
	TM_PROBE_WRITE_BUFFER_FREED,   /* ssl_free_wbio_buffer: an object is done with its handshake, or freed before */
	TM_PROBE_ALERT_DISPATCH,       /* arg1 SSL* */
	TM_PROBE_ERROR_SET,	       /* arg1 library, arg2 reason */
	TM_PROBE_ERROR_PUT,	       /* arg1 library, arg3 reason */
	TM_PROBE_PEER_CERTIFICATE,     /* a call of d2i_X509: arg2 const unsigned char **, arg3 long */
	TM_PROBE_PEER_CHAIN,	       /* in what reads a Certificate message, before it has */
	TM_PROBE_OWN_CERTIFICATE,      /* after a call of i2d_X509 that wrote: result int, its length */
	TM_PROBE_GNU_HANDSHAKE_ENTRY,  /* GnuTLS: gnutls_handshake, called for each step; arg1 gnutls_session_t */
	TM_PROBE_GNU_HANDSHAKE_RETURN, /* a RET of it */
	TM_PROBE_GNU_ALERT,	       /* gnutls_alert_send: arg1 session, arg2 level, arg3 description */
	TM_PROBE_GNU_VERIFY_ENTRY,     /* gnutls_certificate_verify_peers: arg1 session, arg4 unsigned int *status */
	TM_PROBE_GNU_VERIFY_RETURN,    /* a RET of it */
	TM_PROBE_GNU_FREE,	       /* gnutls_deinit: arg1 gnutls_session_t */
	TM_PROBE_GNU_IMPORT,	       /* gnutls_x509_crt_import: arg1 gnutls_x509_crt_t, arg2 const gnutls_datum_t * */
	TM_PROBE_GNU_NAME_ENTRY,       /* gnutls_x509_crt_check_hostname2, _check_ip: arg1 gnutls_x509_crt_t */
	TM_PROBE_GNU_NAME_RETURN,      /* a RET of either */
	TM_PROBES
};

/* The fields of a connection object that are read; enum ObjectField of src/image/image_plan.h says what each is. */
enum tm_field_name {
	TM_FIELD_VERSION,
	TM_FIELD_SERVER,
	TM_FIELD_STATE_MACHINE,
	TM_FIELD_HANDSHAKE_STATE,
	TM_FIELD_IN_HANDSHAKE,
	TM_FIELD_WAITING,
	TM_FIELD_RESUMED,
	TM_FIELD_SESSION,
	TM_FIELD_CIPHER_ID,
	TM_FIELD_PEER,
	TM_FIELD_VERIFY_RESULT,
	TM_FIELD_ALPN,
	TM_FIELD_ALPN_LENGTH,
	TM_FIELD_SERVER_NAME,
	TM_FIELD_CLIENT_RANDOM,
	TM_FIELD_SERVER_RANDOM,
	TM_FIELD_SEND_ALERT,
	TM_FIELD_RECEIVED_ALERT,
	TM_FIELD_GROUP,
	TM_FIELD_SESSION_GROUP,
	TM_FIELD_READ_BIO,
	TM_FIELD_BIO_TYPE,
	TM_FIELD_BIO_NUMBER,
	TM_FIELD_BIO_FLAGS,
	TM_FIELD_FILE_DESCRIPTOR,
	TM_FIELD_CREDENTIALS,
	TM_FIELD_PEER_CERTIFICATES,
	TM_FIELD_PEER_CERTIFICATE_COUNT,
	TM_FIELD_OWN_CERTIFICATES,
	TM_FIELD_OWN_CERTIFICATE_COUNT,
	TM_FIELD_LAST_MESSAGE,
	TM_FIELDS
};

#define TM_HOPS 4

/* From a pointer to a field: at each hop but the last the pointer stored there is followed. hops 0: the build has none. */
struct tm_field {
	__u8 hops;
	__u8 size; /* 1, 2, 4, 8 or 32 */
	__u16 offset[TM_HOPS];
};

/* One image, as the probes need it; by slot in the map tm_images. */
struct tm_image {
	__u64 since_ns; /* CLOCK_MONOTONIC: probed since then */
	struct tm_field field[TM_FIELDS];
};

/* Kinds of struct tm_event_header for the records below; they share the number space of enum tm_event_kind. */
enum tm_library_event_kind {
	TM_EVENT_LIBRARY_END = 16,  /* struct tm_library_end_event */
	TM_EVENT_LIBRARY_LATE = 17, /* struct tm_library_late_event */
	TM_EVENT_CERTIFICATE = 18,  /* struct tm_certificate_event */
};

/* header.flow is the address of the connection object; direction and flags are not used. */
struct tm_library_header {
	struct tm_event_header header;
	__u64 start_ns; /* first step of the handshake */
	__u32 tgid;
	__u32 slot; /* of the image */
};

enum tm_library_outcome {
	TM_LIBRARY_SUCCESS = 1,
	TM_LIBRARY_FAILURE = 2,	  /* the library gave up: an error, or its transport ended */
	TM_LIBRARY_ABANDONED = 3, /* the object was freed before the handshake was over */
};

/* Whose numbers version, group and reason are. */
enum tm_stack {
	TM_STACK_OPENSSL = 0, /* version as on the wire, group by IANA, reason SSL_R_* */
	TM_STACK_GNUTLS = 1,  /* gnutls_protocol_t, gnutls_group_t, GNUTLS_E_* without its sign */
};

enum tm_library_flags {
	TM_LIBRARY_SERVER = 1, /* the object is a server's */
	TM_LIBRARY_RESUMED = 2,
	TM_LIBRARY_JUDGED = 4,	 /* verify_result is of the peer's certificate, shown now or when the session was made */
	TM_LIBRARY_MET_LATE = 8, /* the handshake had begun before its first step was seen */
	TM_LIBRARY_ALERT_RECEIVED = 16, /* GnuTLS: alert_received ended it (OpenSSL's reason says so by itself) */
	TM_LIBRARY_TENTATIVE = 32, /* a failure, unless another end follows: an error can be forgiven by who raised it */
};

/* The end of a handshake. Facts that the build does not show, or the handshake did not come to, are 0. With OpenSSL a
 * failure is told at each error, and its alert follows as a TM_LATE_ALERT_SENT. */
struct tm_library_end_event {
	struct tm_library_header library;
	struct tm_address address; /* of the socket read from; ports 0 when the object does not name one */
	struct tm_owner owner;
	__u32 reason;	     /* first error of the TLS library in this handshake, its own number; 0 none */
	__u32 verify_result; /* by stack: X509_V_ERR_*, gnutls_certificate_status_t; 0 also when nothing was verified */
	__u16 version;	     /* by stack */
	__u16 cipher;	     /* IANA */
	__u16 group;	     /* by stack */
	__u8 outcome;	     /* enum tm_library_outcome */
	__u8 flags;	     /* enum tm_library_flags */
	__u8 alert_level;    /* of the alert sent; 0 none */
	__u8 alert_description;
	__u8 alpn_length;    /* at most TM_ALPN_BYTES; a longer name is cut */
	__u8 stack;	     /* enum tm_stack */
	__u8 alert_received; /* IANA "TLS Alerts", with its flag */
	__u8 pad[3];
	__u8 client_random[32];
	__u8 server_random[32];
	char alpn[TM_ALPN_BYTES];
	char server_name[TM_SERVER_NAME_BYTES]; /* ends in zero */
};

/* What a certificate that is not of the name adds to verify_result: GNUTLS_CERT_INVALID and GNUTLS_CERT_UNEXPECTED_OWNER, as
 * gnutls_certificate_verify_peers3 would. */
#define TM_GNUTLS_NAME_DIFFERS (1 << 1 | 1 << 14)

enum tm_late {
	TM_LATE_ALERT_RECEIVED, /* after a success; value: IANA "TLS Alerts" */
	TM_LATE_ALERT_SENT,	/* a fatal one; value: the same */
	TM_LATE_TRUSTED,	/* the program had the peer's certificate verified after a success, which came out well */
	TM_LATE_DOUBTED,	/* the same, which did not; value: as verify_result */
	TM_LATE_CLOSED,		/* the program closed the session after a TM_LATE_DOUBTED or a TM_LATE_NAME_DIFFERS */
	TM_LATE_NAME_DIFFERS,	/* the program asked after a success: the certificate is not of a name; value:
				   TM_GNUTLS_NAME_DIFFERS */
	TM_LATE_NAME_MATCHES,	/* the same: it is of a name */
};

/* What came after the end of a handshake; the first of its kind in a connection. */
struct tm_library_late_event {
	struct tm_library_header library;
	__u32 value;
	__u8 what; /* enum tm_late */
	__u8 pad[3];
};

enum tm_certificate_flags {
	TM_CERTIFICATE_OWN = 1, /* shown by this side, else by the peer */
};

/* Bytes [offset, offset + size) of one certificate (DER). size 0: the bytes are those sent earlier with the same hash. */
struct tm_certificate_event {
	struct tm_library_header library;
	__u64 hash;   /* keyed, of all bytes; 0 where there are more than TM_PIECE_BYTES: those are always sent */
	__u32 length; /* of the certificate */
	__u32 offset;
	__u32 size; /* at most TM_PIECE_BYTES */
	__u8 index; /* place in the chain, as it was shown */
	__u8 flags; /* enum tm_certificate_flags */
	__u8 pad[2];
	/* room for TM_PIECE_BYTES follows */
};

/* Bytes of the ring of struct tm_mapping_event: 2,000 of them. It is read every 50 ms, and at once where it matters. */
#define TM_MAPPING_RING_BYTES (64 * 1024)

/* Files of which user space was told; it remembers as many at most. */
#define TM_KNOWN_FILES 16384

/* A file as /proc/PID/maps shows it. */
struct tm_file {
	__u64 inode;
	__u32 major;
	__u32 minor;
};

/* A process maps a file of which nothing was told yet, or executes one. It is not yet mapped executable, and may never be.
 */
struct tm_mapping_event {
	struct tm_file file;
	__u32 tgid;
	__u8 exec; /* 1: the program of the process is another one now, from this file */
	__u8 pad[3];
};

TM_STATIC_ASSERT(sizeof(struct tm_mapping_event) == 24, "library.h: mapping");
TM_STATIC_ASSERT(sizeof(struct tm_field) == 10, "library.h: field");
TM_STATIC_ASSERT(sizeof(struct tm_library_header) == 40, "library.h: header");
TM_STATIC_ASSERT(sizeof(struct tm_library_end_event) == 40 + 80 + 8 + 16 + 64 + TM_ALPN_BYTES + TM_SERVER_NAME_BYTES,
		 "library.h: end");
TM_STATIC_ASSERT(sizeof(struct tm_library_late_event) == 48, "library.h: late");
TM_STATIC_ASSERT(sizeof(struct tm_certificate_event) == 64, "library.h: certificate");

#endif /* TLSMETER_BPF_LIBRARY_H */
