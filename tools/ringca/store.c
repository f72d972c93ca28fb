#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_MODE = 0600, PUBLIC_MODE = 0644 };

bool store_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("ringca: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    return false;
}

static const char *path_of(const char *dir, const char *name, const char *ending,
                           char out[STORE_PATH_MAX])
{
    snprintf(out, STORE_PATH_MAX, "%s/%s%s", dir, name, ending);
    return out;
}

bool store_make_folder(const char *dir)
{
    if (strlen(dir) + STORE_NAME_MAX + 8 >= STORE_PATH_MAX)
        return store_complain("the name of the folder is too long");
    if (mkdir(dir, 0700) == 0 || errno == EEXIST)
        return true;
    return store_complain("could not make %s: %s", dir, strerror(errno));
}

bool store_is_free(const char *dir, const char *name)
{
    static const char *const endings[] = {".crt", ".key"};
    char path[STORE_PATH_MAX];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (access(path_of(dir, name, endings[i], path), F_OK) == 0)
            return store_complain("%s is there already and is left alone; remove it or use "
                                  "another --dir",
                                  path);
    return true;
}

/* A new file, or NULL and a complaint. */
static FILE *create(const char *path, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *file = fd >= 0 && fchmod(fd, mode) == 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        store_complain("could not make %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    return file;
}

/* On the disk, or not there at all. */
static bool finish(FILE *file, const char *path, bool written)
{
    bool good = written && fflush(file) == 0 && fsync(fileno(file)) == 0;
    good &= fclose(file) == 0;
    if (good)
        return true;
    unlink(path);
    return store_complain("could not write %s: %s", path, strerror(errno));
}

bool store_put_pair(const char *dir, const char *name, const struct certified_key *pair)
{
    char path[STORE_PATH_MAX];
    FILE *file = create(path_of(dir, name, ".key", path), KEY_MODE);
    if (file == NULL ||
        !finish(file, path, PEM_write_PrivateKey(file, pair->key, NULL, NULL, 0, NULL, NULL) == 1))
        return false;
    file = create(path_of(dir, name, ".crt", path), PUBLIC_MODE);
    return file != NULL && finish(file, path, PEM_write_X509(file, pair->certificate) == 1);
}

/* What a file should hold and does not. */
static bool complain_of(const char *path, const char *what)
{
    ERR_clear_error();
    return store_complain("%s holds no %s", path, what);
}

bool store_get_certificate(const char *path, X509 **out)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return store_complain("could not open %s: %s", path, strerror(errno));
    *out = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    return *out != NULL || complain_of(path, "certificate");
}

static int no_password(char *into, int size, int writing, void *context)
{
    (void)into, (void)size, (void)writing, (void)context;
    return 0;
}

bool store_get_pair(const char *dir, const char *name, struct certified_key *out)
{
    char path[STORE_PATH_MAX];
    struct certified_key pair = {0};
    if (!store_get_certificate(path_of(dir, name, ".crt", path), &pair.certificate))
        return false;
    FILE *file = fopen(path_of(dir, name, ".key", path), "re");
    if (file != NULL) {
        pair.key = PEM_read_PrivateKey(file, NULL, no_password, NULL);
        fclose(file);
    }
    if (pair.key != NULL && X509_check_private_key(pair.certificate, pair.key) == 1) {
        *out = pair;
        return true;
    }
    certified_key_deinit(&pair);
    return complain_of(path, "private key of its certificate");
}

bool store_get_crl(const char *dir, const char *name, X509_CRL **out)
{
    char path[STORE_PATH_MAX];
    FILE *file = fopen(path_of(dir, name, ".crl", path), "re");
    *out = NULL;
    if (file == NULL && errno == ENOENT)
        return true;
    if (file == NULL)
        return store_complain("could not open %s: %s", path, strerror(errno));
    *out = PEM_read_X509_CRL(file, NULL, NULL, NULL);
    fclose(file);
    return *out != NULL || complain_of(path, "CRL");
}

bool store_put_crl(const char *dir, const char *name, X509_CRL *crl)
{
    char path[STORE_PATH_MAX], building[STORE_PATH_MAX];
    path_of(dir, name, ".crl", path);
    path_of(dir, name, ".crl.new", building);
    unlink(building); /* of an earlier one that was cut off */
    FILE *file = create(building, PUBLIC_MODE);
    if (file == NULL || !finish(file, building, PEM_write_X509_CRL(file, crl) == 1))
        return false;
    if (rename(building, path) == 0)
        return true;
    unlink(building);
    return store_complain("could not replace %s: %s", path, strerror(errno));
}
