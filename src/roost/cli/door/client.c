/* `roost` as a native program: has a process that the daemon keeps run the command, in place of starting Python.
 *
 * That process (roost.cli.door) forks for each call, and the fork takes over what this process has: its words, folder,
 * environment, limits and standard streams. This process stays the one who asks: it connects to the daemon, hears
 * signals, and ends as the command ended. Where anything is unusual it becomes Python instead, which does the same,
 * later. Both can do it only with a word of ours that lies in a pipe: whoever takes it out does the command, and the
 * other one cannot any more. So nothing is done twice.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define MAGIC "roost-2\n" /* changes with what is said here; roost.cli.door.request has the same */
#define MOST (4u << 20)   /* bytes of a request or an order; more is left to Python */
#define PATIENCE_MS 300   /* for the other side to begin; after that Python does it */
#define LAST_WORD_MS 1000 /* for the other side to tell how a command ended that said nothing */
#define PATH_ROOM 4200
#define SIGNALS 64

extern char **environ;

/* A request: MAGIC, this, then words that each end in NUL: the Python that is meant, the daemon's socket, the
 * arguments, the environment. Descriptors go along: the three streams, the folder, the pipe with our word, which also
 * tells of our end, the daemon. */
struct head {
    uint32_t size, arguments, variables, unused;
    uint64_t ignored;
    uint64_t limits[RLIM_NLIMITS][2];
};

/* What comes back, and what is answered: one letter, then so many bytes. With BEGUN comes a handle of the process. */
struct say {
    char what, unused[3];
    uint32_t size;
};
enum { BEGUN = 'B', NO = 'N', STATUS = 'S', KILLED = 'K', CONNECT = 'C', BECOME = 'X', HERE = 'F', ERROR = 'E' };

static char python[PATH_ROOM]; /* the script beside this program that is the same in Python */

static void become_python(char **argv) {
    argv[0] = python;
    execv(python, argv);
    fprintf(stderr, "roost: %s: %s; install roost again\n", python, strerror(errno));
    _exit(1);
}

/* Commands that stay, start daemons, look over this machine or ask a terminal are Python's from the start;
 * roost.cli.catalog has the same. */
static int is_pythons(int argc, char **argv) {
    static const char *const never[] = {"backup", "demo",  "doctor",  "down", "fleet",    "gc",      "join", "leave", "listen", "mcp",
                                        "probe",  "restore", "run", "runtimes", "service", "top",  "up",    "watch",  "web", 0};
    static const char *const stays[] = {"--follow", "--watch", "--home", "--foreground", 0};
    if (argc < 2 || argv[1][0] == '-')
        return 1;
    for (int i = 0; never[i]; i++)
        if (!strcmp(argv[1], never[i]))
            return 1;
    for (int i = 2; i < argc; i++) {
        for (int j = 0; stays[j]; j++)
            if (!strncmp(argv[i], stays[j], strlen(stays[j])))
                return 1;
        /* These name what only this process has. */
        if (strstr(argv[i], "/dev/fd/") || strstr(argv[i], "/proc/") || strstr(argv[i], "/dev/tty"))
            return 1;
        if (!strcmp(argv[i], "-") && isatty(0))
            return 1;
    }
    return 0;
}

/* Whether the environment asks for another Python, library or door than the usual ones. */
static int is_odd(void) {
    for (char **each = environ; *each; each++) {
        if (!strncmp(*each, "PYTHONUNBUFFERED=", 17) || !strncmp(*each, "PYTHONDONTWRITEBYTECODE=", 24))
            continue;
        if (!strncmp(*each, "PYTHON", 6) || !strncmp(*each, "LD_", 3) || !strncmp(*each, "ROOST_DOOR=", 11))
            return 1;
    }
    if (getauxval(AT_SECURE) || getuid() != geteuid() || getgid() != getegid())
        return 1;
    sigset_t blocked, none;
    sigemptyset(&none);
    if (sigprocmask(SIG_BLOCK, 0, &blocked) || memcmp(&blocked, &none, SIGNALS / 8))
        return 1;
    struct termios mode;
    for (int stream = 0; stream < 3; stream++) {
        if (fcntl(stream, F_GETFD) < 0)
            return 1;
        if (stream && isatty(stream) && (tcgetattr(stream, &mode) || mode.c_lflag & TOSTOP))
            return 1;
    }
    return 0;
}

/* The folder of the sockets, as roost.cli.places finds it; 0: only Python can tell. */
static int find_run(char *run, size_t room) {
    const char *home = getenv("ROOST_HOME"), *user = getenv("HOME"), *state = getenv("XDG_STATE_HOME");
    int size;
    if (home && *home) {
        char real[PATH_MAX];
        if (*home == '~' || !realpath(home, real))
            return 0;
        size = snprintf(run, room, "%s/run", real);
    } else if (state && *state)
        size = snprintf(run, room, "%s/roost/run", state);
    else if (user && *user)
        size = snprintf(run, room, "%s/.local/state/roost/run", user);
    else
        return 0;
    struct stat found;
    return size > 0 && size <= 81 && *run == '/' && !strstr(run, "/../") && !stat(run, &found) &&
           (found.st_uid == getuid() || found.st_uid == 0);
}

/* How long sending and receiving may take; 0: for ever. */
static void bound(int socket, int wait_ms) {
    struct timeval most = {.tv_usec = wait_ms * 1000};
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
}

/* A connected socket, -1 with errno. */
static int reach(const char *path, int wait_ms) {
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof where.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(where.sun_path, path);
    int found = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait_ms ? 0 : SOCK_NONBLOCK), 0);
    if (found < 0)
        return -1;
    bound(found, wait_ms);
    if (connect(found, (struct sockaddr *)&where, sizeof where)) {
        int why = errno;
        close(found);
        errno = why;
        return -1;
    }
    return found;
}

static int is_ours(int door) {
    struct ucred who;
    socklen_t size = sizeof who;
    return !getsockopt(door, SOL_SOCKET, SO_PEERCRED, &who, &size) && who.uid == getuid() && who.pid > 0;
}

/* Send bytes, with descriptors; 0: not all of it went. */
static int put(int door, const void *data, size_t size, const int *descriptors, int count) {
    union {
        struct cmsghdr aligned;
        char room[CMSG_SPACE(8 * sizeof(int))];
    } beside;
    const char *rest = data;
    while (size) {
        struct iovec part = {(void *)rest, size};
        struct msghdr whole = {.msg_iov = &part, .msg_iovlen = 1};
        if (count) {
            whole.msg_control = beside.room;
            whole.msg_controllen = CMSG_SPACE(count * sizeof(int));
            struct cmsghdr *about = CMSG_FIRSTHDR(&whole);
            about->cmsg_level = SOL_SOCKET;
            about->cmsg_type = SCM_RIGHTS;
            about->cmsg_len = CMSG_LEN(count * sizeof(int));
            memcpy(CMSG_DATA(about), descriptors, count * sizeof(int));
        }
        ssize_t sent = sendmsg(door, &whole, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return 0;
        rest += sent, size -= sent, count = 0;
    }
    return 1;
}

/* Receive so many bytes, and a descriptor where `descriptor` is given and one comes; 0: they did not come. */
static int take(int door, void *data, size_t size, int *descriptor) {
    union {
        struct cmsghdr aligned;
        char room[CMSG_SPACE(sizeof(int))];
    } beside;
    char *rest = data;
    while (size) {
        struct iovec part = {rest, size};
        struct msghdr whole = {.msg_iov = &part, .msg_iovlen = 1};
        if (descriptor)
            whole.msg_control = beside.room, whole.msg_controllen = sizeof beside.room;
        ssize_t came = recvmsg(door, &whole, MSG_CMSG_CLOEXEC);
        if (came < 0 && errno == EINTR)
            continue;
        if (came <= 0)
            return 0;
        struct cmsghdr *about = descriptor ? CMSG_FIRSTHDR(&whole) : 0;
        if (about && about->cmsg_type == SCM_RIGHTS)
            memcpy(descriptor, CMSG_DATA(about), sizeof(int));
        rest += came, size -= came;
    }
    return 1;
}

static int answer(int door, char what, const void *data, uint32_t size, int descriptor) {
    char text[sizeof(struct say) + 16] = {0};
    struct say head = {.what = what, .size = size};
    memcpy(text, &head, sizeof head);
    memcpy(text + sizeof head, data, size);
    return put(door, text, sizeof head + size, &descriptor, descriptor >= 0);
}

/* The interpreter that the Python script beside us names. */
static int find_interpreter(char *name, size_t room) {
    int script = open(python, O_RDONLY | O_CLOEXEC);
    ssize_t size = script < 0 ? -1 : read(script, name, room - 1);
    if (script >= 0)
        close(script);
    if (size < 3 || memcmp(name, "#!", 2))
        return 0;
    name[size] = 0;
    name[2 + strcspn(name + 2, " \n")] = 0;
    memmove(name, name + 2, strlen(name + 2) + 1);
    return 1;
}

/* Everything that the other side is told; 0: it is too much. */
static char *make_request(int argc, char **argv, const char *interpreter, const char *socket, size_t *size) {
    struct head head = {.arguments = argc - 1};
    *size = sizeof MAGIC - 1 + sizeof head + strlen(interpreter) + strlen(socket) + 2;
    for (int i = 1; i < argc; i++)
        *size += strlen(argv[i]) + 1;
    for (char **each = environ; *each; each++, head.variables++)
        *size += strlen(*each) + 1;
    char *text = *size > MOST ? 0 : malloc(*size);
    if (!text)
        return 0;
    head.size = *size - (sizeof MAGIC - 1) - sizeof head;
    struct sigaction now;
    for (int number = 1; number < SIGNALS; number++)
        if (!sigaction(number, 0, &now) && now.sa_handler == SIG_IGN)
            head.ignored |= 1ull << number;
    for (int which = 0; which < RLIM_NLIMITS; which++) {
        struct rlimit limit = {0};
        getrlimit(which, &limit);
        head.limits[which][0] = limit.rlim_cur, head.limits[which][1] = limit.rlim_max;
    }
    char *at = mempcpy(mempcpy(text, MAGIC, sizeof MAGIC - 1), &head, sizeof head);
    at = stpcpy(stpcpy(at, interpreter) + 1, socket) + 1;
    for (int i = 1; i < argc; i++)
        at = stpcpy(at, argv[i]) + 1;
    for (char **each = environ; *each; each++)
        at = stpcpy(at, *each) + 1;
    return text;
}

static volatile sig_atomic_t interrupted, suspended;
static struct sigaction at_interrupt, at_stop; /* what our starter wants done on SIGINT and SIGTSTP */

static void hear(int number) {
    if (number == SIGINT)
        interrupted = 1;
    else
        suspended = 1;
}

static void dispose(int number, void (*what)(int)) {
    struct sigaction act = {.sa_handler = what};
    sigaction(number, &act, 0);
}

/* Hear Ctrl-C where somebody can type it, as roost.cli.interrupt does, and Ctrl-Z. */
static void hear_keys(void) {
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTSTP);
    sigprocmask(SIG_BLOCK, &ours, 0);
    sigaction(SIGINT, 0, &at_interrupt);
    if (at_interrupt.sa_handler != SIG_IGN || isatty(0))
        dispose(SIGINT, hear);
    sigaction(SIGTSTP, 0, &at_stop);
    if (at_stop.sa_handler != SIG_IGN)
        dispose(SIGTSTP, hear);
}

/* What was pressed meanwhile does what it would have done. */
static void leave_keys(void) {
    sigset_t none;
    sigemptyset(&none);
    sigaction(SIGINT, &at_interrupt, 0);
    sigaction(SIGTSTP, &at_stop, 0);
    if (interrupted)
        raise(SIGINT);
    if (suspended)
        raise(SIGTSTP);
    sigprocmask(SIG_SETMASK, &none, 0);
}

static void tell(int child, int number) { syscall(SYS_pidfd_send_signal, child, number, 0, 0); }

/* Ctrl-Z: the command stops, then we do, so that our shell sees it; both go on together. */
static void suspend(int child) {
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    suspended = 0;
    tell(child, SIGSTOP);
    dispose(SIGTSTP, SIG_DFL);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, 0);
    sigprocmask(SIG_BLOCK, &stop, 0);
    dispose(SIGTSTP, hear);
    tell(child, SIGCONT);
}

static void die_of(int number) {
    sigset_t it;
    struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none);
    sigemptyset(&it);
    sigaddset(&it, number);
    dispose(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &it, 0);
    raise(SIGKILL);
}

/* The command's connections are ours: the daemon asks the kernel who connected. */
static int connect_for(int door, const char *path) {
    int found = reach(path, 0);
    uint32_t why = errno;
    int sent = found < 0 ? answer(door, ERROR, &why, sizeof why, -1) : answer(door, HERE, "", 0, found);
    if (found >= 0)
        close(found);
    return sent;
}

/* The command ends by becoming another program: how many words, the words, the environment. */
static int become(int door, char *text, uint32_t size) {
    char **words = malloc((size + 2) * sizeof *words), **next = words, **variables = 0;
    uint32_t why = EINVAL;
    long count = size && !text[size - 1] ? strtol(text, 0, 10) : 0;
    if (words && count > 0) {
        for (char *at = text + strlen(text) + 1; at < text + size; at += strlen(at) + 1) {
            if (count-- == 0)
                *next++ = 0, variables = next;
            *next++ = at;
        }
        *next = 0;
        if (variables && *words) {
            /* As Python has them. */
            dispose(SIGPIPE, SIG_IGN);
            dispose(SIGXFSZ, SIG_IGN);
            sigset_t none;
            sigemptyset(&none);
            sigprocmask(SIG_SETMASK, &none, 0);
            execve(*words, words, variables);
            why = errno;
        }
    }
    free(words);
    return answer(door, ERROR, &why, sizeof why, -1);
}

/* Do one thing that the command asks for; 0: it says nothing any more. */
static int obey(int door, int *child) {
    struct say head;
    char *text;
    int handle = -1;
    if (!take(door, &head, sizeof head, *child < 0 ? &handle : 0) || head.size > MOST ||
        !(text = calloc(1, head.size + 1)) || !take(door, text, head.size, 0))
        return 0;
    int going = 0;
    if (head.what == STATUS)
        _exit((unsigned char)*text);
    else if (head.what == KILLED)
        die_of((unsigned char)*text);
    else if (head.what == BEGUN) {
        bound(door, 0);
        *child = handle, going = handle >= 0;
    } else if (head.what == CONNECT)
        going = connect_for(door, text);
    else if (head.what == BECOME)
        going = become(door, text, head.size);
    free(text);
    return going;
}

/* Whether our word was still there: then nothing has begun, and nothing can any more. */
static int take_back(int word) {
    char it;
    return read(word, &it, 1) == 1;
}

/* Stay until the command has ended, and end as it did; returns where it has not begun, and cannot any more. */
static void serve(int door, int word) {
    sigset_t none;
    sigemptyset(&none);
    int child = -1;
    struct timespec patience = {.tv_nsec = PATIENCE_MS * 1000000L}, *most = &patience;
    for (;;) {
        if (child >= 0 && interrupted)
            interrupted = 0, tell(child, SIGINT);
        if (child >= 0 && suspended)
            suspend(child);
        struct pollfd ends[] = {{.fd = door, .events = POLLIN}, {.fd = child, .events = POLLIN}};
        int found = ppoll(ends, 2, most, &none);
        if (found < 0)
            continue;
        if (!found) {
            if (take_back(word))
                return;
            most = 0;
        } else if (ends[0].revents) {
            if (!obey(door, &child)) {
                if (child < 0 && take_back(word))
                    return;
                die_of(SIGKILL); /* it is over, and nobody can tell how */
            }
            most = 0;
        } else if (ends[1].revents) {
            /* It has ended without a word: who started it tells how, if it still can. */
            if (poll(ends, 1, LAST_WORD_MS) <= 0)
                die_of(SIGKILL);
        }
    }
}

/* Have the command run; returns where Python has to, and then nothing has begun. */
static void use_door(int argc, char **argv) {
    char run[PATH_ROOM], path[PATH_ROOM + 16], socket[PATH_ROOM + 16], interpreter[PATH_ROOM];
    int word[2];
    size_t size;
    if (is_pythons(argc, argv) || is_odd() || !find_run(run, sizeof run))
        return;
    snprintf(path, sizeof path, "%s/door.sock", run);
    snprintf(socket, sizeof socket, "%s/roost.sock", run);
    /* First of all these two: the other side looks who we are while we do the rest. */
    int door = reach(path, PATIENCE_MS), daemon = door < 0 ? -1 : reach(socket, 0);
    if (daemon < 0 || !is_ours(door) || !find_interpreter(interpreter, sizeof interpreter))
        return;
    int folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *request = make_request(argc, argv, interpreter, socket, &size);
    if (folder < 0 || !request || pipe2(word, O_CLOEXEC | O_NONBLOCK) || write(word[1], ".", 1) != 1)
        return;
    int handed[] = {0, 1, 2, folder, word[0], daemon};
    hear_keys();
    if (put(door, request, size, handed, 6)) {
        free(request);
        close(folder), close(daemon);
        serve(door, word[0]);
    }
    leave_keys();
}

int main(int argc, char **argv) {
    ssize_t size = readlink("/proc/self/exe", python, sizeof python - 16);
    char *name = size > 0 ? strrchr(python, '/') : 0;
    if (!name || argc < 1) {
        fputs("roost: /proc is not mounted; use `python -m roost`\n", stderr);
        return 1;
    }
    strcpy(name, "/roost-python");
    use_door(argc, argv);
    become_python(argv);
}
