/* What the checks of `make sanitized` must find: a library that lacks them is not to pass for one that has them. */
int next(int number);
int byte_at(const char *text, int place);

int next(int number) { return number + 1; }

int byte_at(const char *text, int place) { return text[place]; }
