/* Files, pipes and finished-or-absent output files. Functions return 0 or an errno. */
#ifndef PF_BASE_OS_FILE_H
#define PF_BASE_OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pf_file_facts {
    bool regular; /* has a size and can be read anywhere */
    bool directory;
    uint64_t size; /* regular files only */
    uint64_t device, inode;
    int64_t modified; /* ns since the epoch */
};

/* Opens for reading, not inherited by children; a FIFO does not wait for its writer here but when it is read. */
int pf_os_open(const char *path, int *fd);
void pf_os_close(int fd); /* -1 is fine */
int pf_os_facts(int fd, struct pf_file_facts *facts);
/* Reads at `offset` until `size` octets or the end of the file; fewer than `size` means the end. */
int pf_os_read_at(int fd, void *memory, size_t size, uint64_t offset, size_t *got);
/* Waits for octets or for `wake_fd` to become readable (ECANCELED) and reads what is there; *got 0 is the end. */
int pf_os_read(int fd, int wake_fd, void *memory, size_t size, size_t *got);

/* Waits until one of them is readable or broken, or so long; ready[i] says which. A negative descriptor never is. */
enum { PF_MOST_WAITED = 4 };
int pf_os_wait(const int *fds, size_t count, unsigned milliseconds, bool *ready);
int pf_os_share(int fd, int *copy); /* one more descriptor of the same open file */
int pf_os_remove(const char *path);

/* Has a packet socket not tell of what goes out, where the system can. */
int pf_os_ignore_outgoing(int fd);

int pf_os_wake_pipe(int fds[2]);
void pf_os_wake(int fd);

/* A file that appears under its name when it is whole, or not at all: written under a temporary name in the same
 * folder, readable by its owner only, then renamed. Never in the place of a pipe or a device: ENOTSUP. */
struct pf_draft {
    int fd;
    char *path, *temporary;
};
int pf_draft_begin(struct pf_draft *draft, const char *path);
/* The same under the temporary name NAME.part, EEXIST where that is there already; may be read too. */
int pf_draft_begin_part(struct pf_draft *draft, const char *path);
int pf_draft_begin_unnamed(struct pf_draft *draft, const char *folder); /* never gets a name: it goes with the last
                                                                           descriptor */
int pf_draft_cut(struct pf_draft *draft, uint64_t size);                /* to its first octets */
void pf_draft_keep(struct pf_draft *draft);  /* is over, and stays under its temporary name */
void pf_draft_rest(struct pf_draft *draft);  /* lets its descriptor go */
int pf_draft_resume(struct pf_draft *draft); /* before anything else is done with one that rests; any draft is fine */
int pf_draft_write(struct pf_draft *draft, const void *octets, size_t size);
int pf_draft_write_at(struct pf_draft *draft, const void *octets, size_t size, uint64_t offset);
int pf_draft_commit(struct pf_draft *draft); /* whatever it returns, the draft is over */
/* The same for one of many, whose octets may not be on the disk yet: pf_os_sync() goes before all of them. */
int pf_draft_publish(struct pf_draft *draft);
void pf_os_sync(void);
void pf_draft_abandon(struct pf_draft *draft); /* a draft that is over is fine */

#endif
