/* What libgcc's unwinder expects of glibc, for programs linked with musl.

   Debian has no unwinder built for musl, so static programs take the one of libgcc. It was built against glibc 2.35 or later and
   relies on two things that musl does not give it. */
#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>
#include <stdint.h>

/* First: _dl_find_object() finds the unwinding table of the code at an address. Here dl_iterate_phdr(), which musl has, looks for
   the loaded object that holds the address and for its .eh_frame_hdr. The layout is that of glibc's <dlfcn.h>. */
struct dl_find_object {
    unsigned long long flags;
    void *map_start;
    void *map_end;
    void *link_map;
    void *eh_frame;
    unsigned long long reserved[7];
};

struct search {
    uintptr_t address;
    struct dl_find_object *found;
};

static int holds_address(struct dl_phdr_info *object, size_t size, void *data)
{
    struct search *search = data;
    uintptr_t start = 0, end = 0, table = 0;

    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        uintptr_t from = object->dlpi_addr + header->p_vaddr;

        if (header->p_type == PT_GNU_EH_FRAME)
            table = from;
        if (header->p_type == PT_LOAD && search->address - from < header->p_memsz) {
            start = from;
            end = from + header->p_memsz;
        }
    }
    if (!end || !table)
        return 0;
    *search->found = (struct dl_find_object){
        .map_start = (void *)start, .map_end = (void *)end, .eh_frame = (void *)table,
    };
    return 1;
}

int _dl_find_object(void *address, struct dl_find_object *found)
{
    struct search search = { (uintptr_t)address, found };

    return dl_iterate_phdr(holds_address, &search) ? 0 : -1;
}

/* Second: in glibc 2.34 and later the thread functions are always part of libc, so libgcc refers to them weakly. In a static link
   with musl a weak reference brings nothing in from libc.a, and the first unwinding would call address 0. These references are
   strong, and the linker never leaves this object out, because nothing else defines _dl_find_object(). */
__attribute__((used)) static const void *const thread_functions[] = {
    (const void *)pthread_once,        (const void *)pthread_mutex_lock,  (const void *)pthread_mutex_unlock,
    (const void *)pthread_key_create,  (const void *)pthread_getspecific, (const void *)pthread_setspecific,
    (const void *)pthread_cond_wait,   (const void *)pthread_create,
};
