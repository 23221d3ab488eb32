// What the benches `ring` and `map` measure against: plain C over libbpf, on the same map.
//
//   native-baseline MAP_ID
//
// Reads commands, one a line, and answers each with "NANOSECONDS COUNT": `ring` drains the ring buffer and only counts,
// `batch` reads the map with bpf_map_lookup_batch, `walk` with get_next_key and lookup.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK_ROWS 16384

static int map_fd;
static struct bpf_map_info info;
static unsigned char *keys, *values;

static unsigned long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void die(const char* what) {
  fprintf(stderr, "native-baseline: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int on_record(void* context, void* data, size_t size) {
  (void)data;
  (void)size;
  ++*(unsigned long*)context;
  return 0;
}

static unsigned long consumed;
static struct ring_buffer* ring;

static unsigned long drain_ring(void) {
  consumed = 0;
  if (ring_buffer__consume(ring) < 0) die("consume");
  return consumed;
}

static unsigned long read_batches(void) {
  unsigned char tokens[2][512];
  void* in = NULL;
  unsigned long rows = 0;
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  for (int turn = 0;; turn ^= 1) {
    __u32 count = CHUNK_ROWS;
    int error = bpf_map_lookup_batch(map_fd, in, tokens[turn], keys, values, &count, &options);
    if (error && errno != ENOENT) die("lookup_batch");
    rows += count;
    if (error) return rows;
    in = tokens[turn];
  }
}

static unsigned long walk(void) {
  unsigned char tokens[2][512];
  void* key = NULL;
  unsigned long rows = 0;
  for (int turn = 0;; turn ^= 1) {
    if (bpf_map_get_next_key(map_fd, key, tokens[turn])) return rows;
    key = tokens[turn];
    unsigned long row = rows++ % CHUNK_ROWS;
    memcpy(keys + row * info.key_size, key, info.key_size);
    if (bpf_map_lookup_elem(map_fd, key, values + row * info.value_size)) die("lookup");
  }
}

int main(int argc, char** argv) {
  char line[64];
  __u32 size = sizeof(info);
  if (argc != 2 || (map_fd = bpf_map_get_fd_by_id(atoi(argv[1]))) < 0) die("map id");
  if (bpf_obj_get_info_by_fd(map_fd, &info, &size)) die("map info");
  if (info.type == BPF_MAP_TYPE_RINGBUF && !(ring = ring_buffer__new(map_fd, on_record, &consumed, NULL))) die("ring");
  keys = malloc((size_t)CHUNK_ROWS * (info.key_size + 1));
  values = malloc((size_t)CHUNK_ROWS * (info.value_size + 1));
  if (!keys || !values) die("malloc");
  while (fgets(line, sizeof(line), stdin)) {
    unsigned long count;
    unsigned long long start = now();
    if (!strcmp(line, "ring\n"))
      count = drain_ring();
    else if (!strcmp(line, "batch\n"))
      count = read_batches();
    else
      count = walk();
    printf("%llu %lu\n", now() - start, count);
    fflush(stdout);
  }
  return 0;
}
