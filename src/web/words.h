/*
 * web/words.h -- text as words: to step through them, to count them, and the fingerprint
 * by which pages that are nearly the same are found.
 *
 * A word is a run of letters and digits: of ASCII, and whatever lies beyond it but spaces
 * and punctuation of the blocks U+2000 and U+3000.  Of scripts that are written without
 * spaces (Han, kana, Thai, Lao, Khmer, Burmese) each character is a word.
 *
 * Owns:    nothing.     Errors: none; bytes that are no UTF-8 count as letters.
 * Threads: any; no state.
 */
#ifndef WEB_WORDS_H
#define WEB_WORDS_H
#include "base/slice.h"

struct word {
	struct slice text;
	bool is_char; /* one character of a script without spaces */
};
/* The next word of *rest, which moves on; false at the end. */
bool word_next(struct slice *rest, struct word *ret);
/* How many; characters of scripts without spaces count half a word each. */
size_t words_count(struct slice utf8);

/*
 * 64-bit SimHash (Charikar 2002, "Similarity estimation techniques from rounding
 * algorithms") over all runs of three words, case of ASCII letters ignored: of each bit
 * of the fingerprint, whether more of the runs' hashes have it set than not.  Texts that
 * differ in a few words differ in a few bits; for pages, 3 bits are the usual bound
 * (Manku, Jain, Das Sarma 2007).  Unrelated texts differ in 32 or so.
 *
 * The same text has the same fingerprint on every machine and in every crawl; whoever
 * wants two texts to collide can have that.  False: there is no word in it.
 */
bool simhash64(struct slice utf8, uint64_t *ret);
/* In how many bits two differ. */
static inline unsigned
simhash_distance(uint64_t a, uint64_t b)
{
	return (unsigned)__builtin_popcountll(a ^ b);
}
#endif
