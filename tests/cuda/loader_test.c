/* Tests loader.c: `absent` calls through a loader whose library is not there, `present` one whose
 * library is built from this file too (with -DAS_LIBRARY). Prints nothing and exits with 0 when all holds. */

#include <string.h>

long many(int a, double b, long c, float d, long e, long f, long g, long h, double i, long j, long k, long l);
int missing(int a);
const char *text(int a);

#ifdef AS_LIBRARY
long many(int a, double b, long c, float d, long e, long f, long g, long h, double i, long j, long k, long l) {
  return a + 10 * (long)b + 100 * c + 1000 * (long)d + 10000 * e + 100000 * f + 1000000 * g + 10000000 * h +
         100000000 * (long)i + 1000000000 * j + 10000000000 * k + 100000000000 * l;
}

const char *text(int a) { return a ? "one" : "none"; }
#else
int main(int count, char **words) {
  if (count == 2 && !strcmp(words[1], "absent")) {
    return !((int)many(1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3) == 100 && missing(1) == 100 && strstr(text(1), "not there"));
  }
  if (count == 2 && !strcmp(words[1], "present")) {
    for (int time = 0; time < 2; time++) {
      if (many(1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3) != 321987654321 || missing(1) != 500 || strcmp(text(1), "one")) {
        return 1;
      }
    }
    return 0;
  }
  return 2;
}
#endif
