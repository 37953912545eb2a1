/* Input: the head of an answer.  What is believed is in range; what is not leaves *ret.
 */
#include "fuzz.h"
#include "net/http_head.h"

FUZZ_TARGET(http_head)
{
	struct slice head = fuzz_copy(slice_of(data, size));
	struct http_head untouched, h;
	const char *wrong;

	memset(&untouched, 0x5A, sizeof(untouched));
	memcpy(&h, &untouched, sizeof(h));
	wrong = http_head_parse(head, &h);
	if (wrong != NULL) {
		FUZZ_CHECK(wrong[0] != '\0');
		FUZZ_CHECK(memcmp(&h, &untouched, sizeof(h)) == 0);
	} else {
		FUZZ_CHECK(h.status >= 100 && h.status <= 599);
		FUZZ_CHECK(h.version >= 10 && h.version <= 20);
		FUZZ_CHECK(h.has_length || h.length == 0);
	}
	fuzz_copy_free(head);
	return 0;
}
