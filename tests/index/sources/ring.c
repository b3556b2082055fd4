#include <linux/ring.h>
#include "ring.h"

#define RING_SIZE 16
#define RING_NEXT(i) \
	(((i) + 1) % RING_SIZE)

typedef unsigned int u32;
typedef int (*callback_t)(void *data);
enum state { RING_OPEN, RING_CLOSED = 4 };
union word { int a; float b; };
struct ring {
	int size;
	struct slot { int used; } slots[4];
};
typedef struct { int x; } point_t;

static int count = 0;
extern const char *names[];
int prototype(void);

static inline __attribute__((always_inline)) struct ring *ring_new(int size)
{
	int local = 1;
	return 0;
}
int
old_style(a, b)
	int a;
	char *b;
{
	return a;
}
SYSCALL_DEFINE2(ring_push, int, fd, const char __user *, text)
{
	return 0;
}
static DEFINE_MUTEX(ring_lock);
static __printf(1, 2) void ring_say(const char *fmt, ...)
{
}
EXPORT_SYMBOL(ring_new);
