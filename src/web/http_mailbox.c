#include "web/http.h"

/* Each takes what it reads off the text; false: there is none of it. */

static bool
take_byte(struct slice *s, char c)
{
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	*s = slice_from(*s, 1);
	return true;
}

static bool
is_letter(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || (unsigned char)c >= 0x80;
}

/* One of "atext". */
static bool
is_of_atom(char c)
{
	return is_letter(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
take_atom(struct slice *s)
{
	size_t n = 0;

	while (n < s->len && is_of_atom(s->ptr[n]))
		n++;
	*s = slice_from(*s, n);
	return n > 0;
}

static bool
take_quoted(struct slice *s)
{
	size_t n = 1;

	if (s->len == 0 || s->ptr[0] != '"')
		return false;
	while (n < s->len && s->ptr[n] != '"' && !ascii_is_control(s->ptr[n]))
		n += s->ptr[n] == '\\' && n + 1 < s->len ? 2 : 1;
	if (n >= s->len || s->ptr[n] != '"')
		return false;
	*s = slice_from(*s, n + 1);
	return true;
}

static bool
take_local_part(struct slice *s)
{
	if (take_quoted(s))
		return true;
	do
		if (!take_atom(s))
			return false;
	while (take_byte(s, '.'));
	return true;
}

static bool
take_label(struct slice *s)
{
	size_t n = 0;

	while (n < s->len && (is_letter(s->ptr[n]) || s->ptr[n] == '-'))
		n++;
	if (n == 0 || s->ptr[0] == '-' || s->ptr[n - 1] == '-')
		return false;
	*s = slice_from(*s, n);
	return true;
}

/* Of a name, or "[address]". */
static bool
take_domain(struct slice *s)
{
	if (take_byte(s, '[')) {
		size_t n = 0;

		while (n < s->len && (is_letter(s->ptr[n]) ||
					 (s->ptr[n] != '\0' && strchr(".:-", s->ptr[n]))))
			n++;
		*s = slice_from(*s, n);
		return n > 0 && take_byte(s, ']');
	}
	do
		if (!take_label(s))
			return false;
	while (take_byte(s, '.'));
	return true;
}

static bool
take_address(struct slice *s)
{
	return take_local_part(s) && take_byte(s, '@') && take_domain(s);
}

bool
http_is_mailbox(struct slice text)
{
	struct slice s = text;

	if (take_address(&s) && s.len == 0)
		return true;
	s = text;
	while (
	    take_atom(&s) || take_quoted(&s) || take_byte(&s, ' ') || take_byte(&s, '.'))
		; /* the name that is shown */
	return take_byte(&s, '<') && take_address(&s) && take_byte(&s, '>') && s.len == 0;
}
