/* ntlm.h - a client's half of NTLMv2 without a connection ([MS-NLMP], [MS-SIPAE] 3.2). */
#ifndef NTLM_H
#define NTLM_H
#define OPENSSL_SUPPRESS_DEPRECATED   /* MD4, MD5 and RC4 are what the protocol is made of */
#include <openssl/md5.h>
#include <stddef.h>

#define NTLM_SIGNATURE 33             /* 32 hex digits and the end of the string */

/* One direction of an association: HMAC-MD5 with its key blocks hashed ahead, and the mask
 * of the key stream, which is the same for every message. */
typedef struct { MD5_CTX inner, outer; unsigned char mask[8]; } ntlm_signer;

/* Answers a CHALLENGE. `out` gets the AUTHENTICATE message; returns its length, 0 when the
 * challenge is damaged or `out` too small. User and password are ASCII. */
size_t ntlm_answer(const unsigned char *challenge, size_t n, const char *user, const char *password,
                   unsigned char *out, size_t room, ntlm_signer *signer);
void ntlm_sign(const ntlm_signer *signer, const char *text, size_t n, char hex[NTLM_SIGNATURE]);
#endif
