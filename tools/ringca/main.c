/*
 * main.c - ringca(1): certificates for a RingDB cluster and its clients.
 *
 * Two CAs, so that no certificate of a client can be one of a node even if somebody errs: nodes
 * trust each other by cluster-ca.crt, clients and servers by clients-ca.crt.
 */
#include <config.h>

#include <getopt.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "net/tls_identity.h"
#include "store.h"

enum { EXIT_USAGE = 2, HOSTS_MAX = 16, NODES_MAX = RING_MEMBERS_MAX, CA_DAYS = 3650 };

static const char HELP[] =
    "usage: ringca VERB [options]\n"
    "\n"
    "  create --cluster ID --nodes N [--host HOST ...] [--client NAME]\n"
    "              a whole working set: both CAs, nodes 1 to N, and a client\n"
    "  init        both CAs\n"
    "  node N --cluster ID [--host HOST ...]\n"
    "              node N: its certificate for other nodes, and the one for clients\n"
    "  client NAME a client\n"
    "  revoke FILE that certificate is not to be accepted any more; give the CRL to all\n"
    "              nodes, and then: ringctl tls reload\n"
    "  renew-crl   new dates for both CRLs\n"
    "\n"
    "  --dir DIR   the folder of all files (default: ringdb-ca); it holds the keys of the CAs\n"
    "  --cluster ID\n"
    "              32 hexadecimal digits, as ringd --plan-ring and ringctl status show them\n"
    "  --host HOST a name or a number under which clients reach the node; may be repeated\n"
    "              (default: localhost, 127.0.0.1 and ::1)\n"
    "  --days N    how long certificates are good (default: 398), and CRLs\n"
    "\n"
    "Nothing is overwritten. Exit status: 0 ok, 1 failed, 2 usage.\n";

struct options {
    const char *dir;
    const char *cluster;
    const char *hosts[HOSTS_MAX];
    int host_count;
    const char *client;
    long nodes;
    int days;
};

static bool usage(const char *why)
{
    store_complain("%s; see: ringca --help", why);
    exit(EXIT_USAGE);
}

/* ---- what stands in certificates ---- */

/* Names and numbers only: a comma would begin another alternative name. */
static bool is_host(const char *host)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-*";
    size_t length = strlen(host);
    return length > 0 && length <= RING_HOST_MAX && strspn(host, allowed) == length;
}

static bool is_number(const char *host)
{
    return strchr(host, ':') != NULL || strspn(host, "0123456789.") == strlen(host);
}

static bool is_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(name);
    return length > 0 && length <= 64 && strspn(name, allowed) == length && name[0] != '.';
}

static void put_hosts(const struct options *options, struct buffer *out)
{
    static const char *const local[] = {"localhost", "127.0.0.1", "::1"};
    const char *const *hosts = options->host_count > 0 ? options->hosts : local;
    int count = options->host_count > 0 ? options->host_count : 3;
    for (int i = 0; i < count; i++)
        buffer_printf(out, "%s%s:%s", i == 0 ? "" : ",", is_number(hosts[i]) ? "IP" : "DNS",
                      hosts[i]);
    buffer_put_u8(out, '\0');
}

/* ---- making ---- */

static bool make_pair(const struct options *options, const char *file,
                      const struct certificate_request *request, const struct certified_key *issuer)
{
    struct certified_key made = {0};
    if (!store_is_free(options->dir, file))
        return false;
    const char *why = certify(request, issuer, &made);
    if (why != NULL)
        return store_complain("could not make %s: %s", file, why);
    bool good = store_put_pair(options->dir, file, &made);
    certified_key_deinit(&made);
    return good;
}

/* The CRL of `ca`, now with `revoked`, unless that is NULL. */
static bool write_crl(const struct options *options, const char *ca, const X509 *revoked)
{
    char authority[STORE_NAME_MAX];
    struct certified_key issuer = {0};
    X509_CRL *before = NULL, *crl = NULL;
    snprintf(authority, sizeof authority, "%s-ca", ca);
    bool good = store_get_pair(options->dir, authority, &issuer) &&
                store_get_crl(options->dir, ca, &before);
    if (good && revoked != NULL && before != NULL && crl_names(before, revoked))
        good = store_complain("it is revoked already");
    if (good) {
        crl = crl_make(&issuer, before, revoked, options->days);
        good = crl != NULL ? store_put_crl(options->dir, ca, crl)
                           : store_complain("could not sign %s.crl", ca);
    }
    X509_CRL_free(crl);
    X509_CRL_free(before);
    certified_key_deinit(&issuer);
    return good;
}

static bool make_authority(const struct options *options, const char *ca, const char *title)
{
    char file[STORE_NAME_MAX];
    struct certificate_request request = {.kind = CERTIFICATE_CA, .name = title, .days = CA_DAYS};
    snprintf(file, sizeof file, "%s-ca", ca);
    return make_pair(options, file, &request, NULL) && write_crl(options, ca, NULL);
}

static bool do_init(const struct options *options)
{
    return store_make_folder(options->dir) && store_is_free(options->dir, "cluster-ca") &&
           store_is_free(options->dir, "clients-ca") &&
           make_authority(options, "cluster", "RingDB cluster CA") &&
           make_authority(options, "clients", "RingDB clients CA");
}

static bool make_certified(const struct options *options, const char *ca, const char *file,
                           struct certificate_request request)
{
    char authority[STORE_NAME_MAX];
    struct certified_key issuer = {0};
    snprintf(authority, sizeof authority, "%s-ca", ca);
    if (!store_get_pair(options->dir, authority, &issuer))
        return store_complain("make the CAs first: ringca init --dir %s", options->dir);
    request.days = options->days;
    bool good = make_pair(options, file, &request, &issuer);
    certified_key_deinit(&issuer);
    return good;
}

static bool do_node(const struct options *options, const char *number)
{
    char uri[TLS_IDENTITY_TEXT_MAX], alternatives[TLS_IDENTITY_TEXT_MAX + 4];
    char node_file[STORE_NAME_MAX], server_file[STORE_NAME_MAX];
    struct tls_identity identity;
    struct buffer hosts = {0};
    if (options->cluster == NULL)
        return usage("a node needs --cluster");
    int length = snprintf(uri, sizeof uri, "ringdb://%s/node/%s", options->cluster, number);
    if (length >= (int)sizeof uri || tls_identity_parse(slice_text(uri), &identity) != STATUS_OK)
        return usage("--cluster takes 32 hexadecimal digits in lower case, and a node is a number "
                     "from 1 on");
    snprintf(alternatives, sizeof alternatives, "URI:%s", uri);
    snprintf(node_file, sizeof node_file, "node-%s", number);
    snprintf(server_file, sizeof server_file, "server-%s", number);
    put_hosts(options, &hosts);
    bool good =
        store_is_free(options->dir, node_file) && store_is_free(options->dir, server_file) &&
        make_certified(options, "cluster", node_file,
                       (struct certificate_request){.kind = CERTIFICATE_NODE,
                                                    .name = node_file,
                                                    .alternatives = alternatives}) &&
        make_certified(options, "clients", server_file,
                       (struct certificate_request){.kind = CERTIFICATE_SERVER,
                                                    .name = server_file,
                                                    .alternatives = (const char *)hosts.data});
    buffer_deinit(&hosts);
    return good;
}

static bool do_client(const struct options *options, const char *name)
{
    char file[STORE_NAME_MAX];
    if (!is_name(name))
        return usage("a client's name has letters, digits, dots, dashes and underscores");
    snprintf(file, sizeof file, "client-%s", name);
    return make_certified(options, "clients", file,
                          (struct certificate_request){.kind = CERTIFICATE_CLIENT, .name = name});
}

static bool do_create(const struct options *options)
{
    char number[24];
    if (options->cluster == NULL || options->nodes < 1)
        return usage("create needs --cluster and --nodes");
    if (!do_init(options))
        return false;
    for (long i = 1; i <= options->nodes; i++) {
        snprintf(number, sizeof number, "%ld", i);
        if (!do_node(options, number))
            return false;
    }
    return do_client(options, options->client != NULL ? options->client : "admin");
}

static bool is_issued_by(const struct options *options, const char *ca, X509 *certificate)
{
    char path[STORE_PATH_MAX];
    X509 *issuer = NULL;
    snprintf(path, sizeof path, "%s/%s-ca.crt", options->dir, ca);
    if (!store_get_certificate(path, &issuer))
        return false;
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool issued = key != NULL && X509_verify(certificate, key) == 1;
    X509_free(issuer);
    return issued;
}

static bool do_revoke(const struct options *options, const char *path)
{
    static const char *const authorities[] = {"cluster", "clients"};
    X509 *certificate = NULL;
    if (!store_get_certificate(path, &certificate))
        return false;
    bool good = false;
    const char *by = NULL;
    for (size_t i = 0; i < sizeof authorities / sizeof *authorities && by == NULL; i++)
        if (is_issued_by(options, authorities[i], certificate))
            by = authorities[i];
    if (by == NULL)
        good = store_complain("%s was not signed by a CA in %s", path, options->dir);
    else
        good = write_crl(options, by, certificate);
    X509_free(certificate);
    if (good)
        printf("give %s/%s.crl to every node as its %s, then: ringctl tls reload\n", options->dir,
               by, strcmp(by, "cluster") == 0 ? "tls-cluster-crl-file" : "tls-crl-file");
    return good;
}

static bool do_renew(const struct options *options)
{
    return write_crl(options, "cluster", NULL) && write_crl(options, "clients", NULL);
}

/* ---- the command line ---- */

static long number_of(const char *text, long maximum)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > maximum)
        usage("--days and --nodes take a number from 1 on");
    return value;
}

static void parse(int argc, char **argv, struct options *options)
{
    static const struct option table[] = {
        {"dir", required_argument, NULL, 'd'},
        {"cluster", required_argument, NULL, 'c'},
        {"host", required_argument, NULL, 'h'},
        {"client", required_argument, NULL, 'C'},
        {"nodes", required_argument, NULL, 'n'},
        {"days", required_argument, NULL, 'D'},
        {"help", no_argument, NULL, '?' + 0x100},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int found;
    while ((found = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (found) {
        case 'd':
            options->dir = optarg;
            break;
        case 'c':
            options->cluster = optarg;
            break;
        case 'h':
            if (options->host_count == HOSTS_MAX || !is_host(optarg))
                usage("--host takes up to 16 names or numbers");
            options->hosts[options->host_count++] = optarg;
            break;
        case 'C':
            options->client = optarg;
            break;
        case 'n':
            options->nodes = number_of(optarg, NODES_MAX);
            break;
        case 'D':
            options->days = (int)number_of(optarg, 36500);
            break;
        case '?' + 0x100:
            fputs(HELP, stdout);
            exit(EXIT_SUCCESS);
        case 'V':
            puts("ringca " PACKAGE_VERSION);
            exit(EXIT_SUCCESS);
        default:
            exit(EXIT_USAGE);
        }
    }
}

static bool run(const struct options *options, const char *verb, const char *argument)
{
    bool wants_argument =
        strcmp(verb, "node") == 0 || strcmp(verb, "client") == 0 || strcmp(verb, "revoke") == 0;
    if (wants_argument != (argument != NULL))
        return usage(wants_argument ? "node, client and revoke take one word more"
                                    : "that verb takes no further word");
    if (strcmp(verb, "create") == 0)
        return do_create(options);
    if (strcmp(verb, "init") == 0)
        return do_init(options);
    if (strcmp(verb, "node") == 0)
        return do_node(options, argument);
    if (strcmp(verb, "client") == 0)
        return do_client(options, argument);
    if (strcmp(verb, "revoke") == 0)
        return do_revoke(options, argument);
    if (strcmp(verb, "renew-crl") == 0)
        return do_renew(options);
    return usage("there is no such verb");
}

int main(int argc, char **argv)
{
    struct options options = {.dir = "ringdb-ca", .days = 398};
    umask(022);
    parse(argc, argv, &options);
    if (optind >= argc || argc - optind > 2)
        usage("say one verb");
    return run(&options, argv[optind], argc - optind == 2 ? argv[optind + 1] : NULL) ? EXIT_SUCCESS
                                                                                     : EXIT_FAILURE;
}
