/* Answers the NTLM challenge on stdin as the driver does; prints answer and a signature in hexadecimal. */
#include "ntlm.h"
#include <stdio.h>
#include <string.h>

int main(int count, char **words) {
    unsigned char in[2000], out[2000]; ntlm_signer signer; char hex[NTLM_SIGNATURE];
    if (count != 4) return 2;
    size_t n = fread(in, 1, sizeof in, stdin), length = ntlm_answer(in, n, words[1], words[2], out, sizeof out, &signer);
    if (!length) return 1;
    for (size_t i = 0; i < length; i++) printf("%02x", out[i]);
    ntlm_sign(&signer, words[3], strlen(words[3]), hex);
    printf("\n%s\n", hex);
    return 0;
}
