#include "login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "exchange.h"

/* One line without its end. False: there is none, or it is too long. */
static bool read_line(FILE *stream, char line[LOGIN_PASSWORD_MAX + 2])
{
    if (fgets(line, LOGIN_PASSWORD_MAX + 2, stream) == NULL)
        return false;
    size_t length = strcspn(line, "\r\n");
    if (line[length] == '\0' && !feof(stream))
        return false;
    line[length] = '\0';
    return true;
}

static bool read_file(const char *path, char line[LOGIN_PASSWORD_MAX + 2], struct buffer *problem)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        buffer_printf(problem, "the password file %s cannot be read: %s", path, strerror(errno));
        return false;
    }
    bool read = read_line(file, line);
    fclose(file);
    if (!read)
        buffer_printf(problem,
                      "the first line of the password file %s is no password of up to %d "
                      "bytes",
                      path, LOGIN_PASSWORD_MAX);
    return read;
}

static bool ask_terminal(const char *user, char line[LOGIN_PASSWORD_MAX + 2])
{
    struct termios before, silent;
    if (isatty(STDIN_FILENO) != 1 || tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "password of %s: ", user);
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0)
        return false;
    bool read = read_line(stdin, line);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    return read;
}

enum status login_prepare(const struct arguments *arguments, struct buffer *problem)
{
    char line[LOGIN_PASSWORD_MAX + 2] = "";
    const char *user = arguments->user, *environment = getenv("REDISCLI_AUTH");
    bool has_password = true;
    if (arguments->password_file != NULL) {
        if (!read_file(arguments->password_file, line, problem))
            return STATUS_INVALID;
    } else if (environment != NULL && *environment != '\0') {
        if (strlen(environment) > LOGIN_PASSWORD_MAX) {
            buffer_printf(problem, "REDISCLI_AUTH is longer than %d bytes", LOGIN_PASSWORD_MAX);
            return STATUS_INVALID;
        }
        snprintf(line, sizeof line, "%s", environment);
    } else if (user != NULL) {
        has_password = ask_terminal(user, line);
    } else {
        return STATUS_OK;
    }
    if (!has_password) {
        buffer_printf(problem,
                      "the password of %s is missing: give --password-file or "
                      "REDISCLI_AUTH, or type it at a terminal",
                      user);
        return STATUS_INVALID;
    }
    exchange_log_in_as(user, line);
    explicit_bzero(line, sizeof line);
    return STATUS_OK;
}
