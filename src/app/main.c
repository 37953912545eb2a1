#include <stdio.h>

int
main(void)
{
	fputs("trawl: nothing to see yet\n", stderr);
	return 2;
}
