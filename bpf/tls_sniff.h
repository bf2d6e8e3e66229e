/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel side knows of TLS, and all it knows: how a record is framed (RFC 8446, section 5.1) and whether bytes
 * could open a handshake. Pure functions over bytes, for both sides: the unit tests run them on the host.
 */
#ifndef TLSMETER_BPF_TLS_SNIFF_H
#define TLSMETER_BPF_TLS_SNIFF_H

#include <linux/types.h>

#define TM_RECORD_HEADER 5
#define TM_HELLO_PREFIX 6	     /* record header and handshake type */
#define TM_RECORD_MAX (16384 + 2048) /* TLSCiphertext of TLS 1.2; TLS 1.3 allows 256 where 2048 stands */

enum {
	TM_CHANGE_CIPHER_SPEC = 20,
	TM_ALERT = 21,
	TM_HANDSHAKE = 22,
	TM_APPLICATION_DATA = 23,
	TM_HEARTBEAT = 24,
};

/* MySQL sends a 36-byte SSLRequest, often in one segment with the ClientHello that follows it. */
#define TM_MYSQL_SSL_REQUEST 36

/* Could these first `have` bytes (1 to 6 are looked at) of a segment be the beginning of a ClientHello record? */
static inline int tm_opens_handshake(const __u8 *b, __u32 have)
{
	if (have == 0 || b[0] != TM_HANDSHAKE)
		return 0;
	if (have > 1 && b[1] != 3)
		return 0;
	if (have > 2 && b[2] > 4)
		return 0;
	if (have > 3 && b[3] > TM_RECORD_MAX >> 8)
		return 0;
	if (have > 5 && b[5] != 1) /* HandshakeType client_hello */
		return 0;
	return 1;
}

/* Do 4 bytes begin a MySQL SSLRequest packet? Length 32, sequence number 1. */
static inline int tm_is_mysql_ssl_request(const __u8 *b)
{
	return b[0] == 32 && b[1] == 0 && b[2] == 0 && b[3] == 1;
}

#define TM_WORD(a, b, c, d) ((__u32)(a) << 24 | (__u32)(b) << 16 | (__u32)(c) << 8 | (__u32)(d))

/* Do 4 bytes begin an HTTP/1 request? Such a connection never turns into TLS; CONNECT is left out since a tunnel
 * does. */
static inline int tm_is_http(const __u8 *b)
{
	switch (TM_WORD(b[0], b[1], b[2], b[3])) {
	case TM_WORD('G', 'E', 'T', ' '):
	case TM_WORD('H', 'E', 'A', 'D'):
	case TM_WORD('P', 'O', 'S', 'T'):
	case TM_WORD('P', 'U', 'T', ' '):
	case TM_WORD('D', 'E', 'L', 'E'):
	case TM_WORD('P', 'A', 'T', 'C'):
	case TM_WORD('O', 'P', 'T', 'I'):
		return 1;
	}
	return 0;
}

/* The five header bytes as one number, the first byte highest: is this a TLS record header? */
static inline int tm_is_record_header(__u64 header)
{
	__u32 type = (header >> 32) & 0xff, major = (header >> 24) & 0xff, minor = (header >> 16) & 0xff,
	      length = header & 0xffff;

	return type >= TM_CHANGE_CIPHER_SPEC && type <= TM_HEARTBEAT && major == 3 && minor <= 4 && length > 0 &&
	       length <= TM_RECORD_MAX;
}

#endif /* TLSMETER_BPF_TLS_SNIFF_H */
