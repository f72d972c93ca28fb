/*
 * manual.c - the command table as a manual page, with what its rows do not say: options,
 * errors, and what Redis has and RingDB has not.
 */
#include "commands/manual.h"

#include <string.h>

#include "commands/command_table.h"

static const char *const introduction[] = {
    "RingDB speaks the Redis protocol, version 2 and 3.",
    "Any node serves any command for any key.",
    "A number chosen with SELECT names a keyspace, which has a policy of its own.",
    "",
    "Requests of one connection are answered in their order.",
    "Those that do not touch the same keys run at the same time.",
    "A command on several keys keeps its promise for each key for itself.",
    "Only MSETNX is all or nothing, and takes keys of one slot.",
    "A key expires at a time of day.",
    "Nodes agree on that to within max-clock-skew of ringd.conf(5).",
    "A node whose clock is further away goes by the time of the others.",
    "SCAN, KEYS, DBSIZE and RANDOMKEY cover the whole ring, whichever node is asked.",
};

struct entry {
    const char *name;
    const char *text;
};

static const struct entry options[] = {
    {"cl",
     "ONE, TWO, THREE, QUORUM (the default), ALL, LOCAL_ONE, LOCAL_QUORUM or EACH_QUORUM: "
     "the owners that must have answered a read or stored a write. LOCAL is the region of the "
     "node that the client is connected to."},
    {"r", "Owners that must have answered a read: a number, quorum or all. It binds stronger than "
          "cl."},
    {"w", "Owners that must have stored a write: a number, quorum or all. In both the level of a "
          "request undoes the numbers of its connection."},
    {"pr", "Owners among those that answered a read which are up to date: a number, quorum or all. "
           "It raises r. A replica that is being rebuilt does not count."},
    {"pw", "Owners among those that stored a write which are up to date: a number, quorum or all. "
           "It raises w."},
    {"dw", "Owners that must have a write on disk: a number, quorum or all."},
    {"timeout",
     "Milliseconds for the whole request, at most request-timeout-max of ringd.conf(5)."},
    {"context", "A context that RING.GET gave for the same key: the write replaces what was read "
                "then. It goes with WITH and with writes of one key that replace its value."},
    {"id",
     "A name of 1 to 64 bytes for this request, such as a client's own number and a count. Sent "
     "again within 10 minutes, through any node, a write with the same id acts once and gives "
     "its first answer; see ringdb-consistency(7). It goes with WITH and with writes whose "
     "keys are independent of each other, so not with RENAME and COPY. Give ids that are, or "
     "begin with, a UUID of version 7, made when the request is made first: such an id carries "
     "its time, so what comes 10 minutes after it is not taken for a new request, and refused "
     "with UNCERTAIN. An increment counts once for as long as its counter remembers the id, "
     "and sent again is answered with the present sum; counters forget ids that carry their "
     "time when nothing of them can come any more, and others when the key is deleted or set."},
    {"traceparent", "A W3C trace context; it is checked and not used yet."},
};

static const char *const users[] = {
    "The users of a cluster are kept once, by its stewards, as keyspaces are.",
    "ACL SETUSER, through any node, answers when the nodes that are up know of the change.",
    "From then on the connections of the user go by it, and those of a user who was dropped are "
    "closed.",
    "A node that is cut off goes by the users it knew last.",
    "A node that has lost its disk lets nobody in before another node has told it.",
    "",
    "The user default is who a connection begins as.",
    "Until somebody changes him he is on nopass ~* &* +@all, so that clients without a login are "
    "let in; at least ACL SETUSER default >password should be the first command of a cluster that "
    "others can reach.",
    "",
    "There are at most 256 users, each with at most 8 passwords and 2048 bytes of rules.",
    "Of a password a hash is kept that is slow on purpose: scrypt of its SHA-256, with a salt of "
    "the user, so that whoever reads it can try but some hundred guesses a second; ACL GENPASS "
    "gives a password that nobody guesses.",
    "ACL LIST and ACL GETUSER show it as scrypt:COST:SALT:HASH.",
    "One thread of a node makes such hashes, and no more than 64 wait: another login or change "
    "of a password is refused with OVERLOADED.",
    "A password that was right is known for 10 minutes, so a pool of connections costs one hash.",
    "Passwords of before there was salt are shown as 64 digits; their users are named in the log, "
    "log in as before, and get salt for all of them with the first password that is added or "
    "taken away.",
    "Failed logins are counted, logged, and limited: by address (login-failures-max) and by user "
    "(login-user-failures-max); above that the password is not looked at, and OVERLOADED says for "
    "how long. A password that was right in the last 10 minutes is let in all the same.",
    "With audit-log, a file tells of each login and each command of the category admin: who, from "
    "where, what, and how it ended.",
};

/* Of ACL SETUSER. */
static const struct entry rules[] = {
    {"on, off", "The user may log in, or may not; who has logged in stays in."},
    {">password, <password",
     "Adds a password, or takes it away. #hash and !hash do so with its SHA-256 in lower case "
     "hexadecimal, which is salted like any other, or with what ACL LIST shows of a user, when the "
     "other has no password yet or the same salt."},
    {"nopass, resetpass", "Any password will do; or none does, until one is added."},
    {"+command, -command",
     "Allows or forbids a command, with +command|subcommand one of its "
     "subcommands, with +@category those of a category (ACL CAT). allcommands "
     "is +@all, nocommands is -@all. A later rule wins."},
    {"~pattern",
     "Allows the keys that match. %R~pattern allows to read them, %W~pattern to write them. "
     "allkeys is ~*, resetkeys takes all patterns away. Commands that look at the whole "
     "ring (SCAN, KEYS, RANDOMKEY, DBSIZE) show the names of all keys, and FLUSHDB and FLUSHALL "
     "delete them: forbid them with -@dangerous and -scan. Patterns say nothing of keyspaces: "
     "SELECT is a command."},
    {"level:name=value",
     "RingDB's own: what RING.SESSION would set is set for all connections of this "
     "user, such as level:cl=LOCAL_QUORUM. It binds stronger than the keyspace and "
     "weaker than RING.SESSION and WITH; the value default undoes it, and "
     "resetlevel all of them."},
    {"allchannels, resetchannels",
     "Allows all channels, or none, to SUBSCRIBE, PUBLISH and their like; patterns of "
     "channels are refused. A user that loses them is disconnected if it listens."},
    {"reset", "Takes everything away: off, no password, no command, no key, no level."},
};

/* What an error says of the write: whether it was, or may yet be, applied. */
static const struct entry errors[] = {
    {"NOREPLICAS", "Applied: no. Fewer owners could be reached, or answered in time, than the "
                   "level needs. Trying again is safe."},
    {"UNCERTAIN",
     "Applied: maybe. The write was sent and not confirmed by as many owners as the "
     "level needs, or some keys of a command were written and others not; the text "
     "says how many, and with hints= how many of these are hints at fallbacks. Of a "
     "request with an id: it may have been, by an earlier attempt; send it again, unless "
     "the text says that the id is older than 10 minutes: then nobody knows any more, and "
     "this attempt changed nothing."},
    {"OVERLOADED", "Applied: no. Too many requests are under way; try again later."},
    {"DISKFULL", "Applied: no. An owner's disk has too little free space."},
    {"CLOCKSKEW",
     "Applied: no. The clocks of the owners that can be reached are too far from those "
     "of the other nodes, or behind the times that these owners have given before, by "
     "more than the request could wait for. Try again, or through another node; ringctl "
     "status names the nodes whose clocks must be set right."},
    {"TOOLARGE", "Applied: no. A key, a value or a request is above a limit of this server."},
    {"BADCONTEXT", "Applied: no. The context is not one that RING.GET gave for this key; read the "
                   "key again."},
    {"SIBLINGLIMIT", "Applied: no. The key has as many concurrent values as it may; read it with "
                     "RING.GET and write with the context of the answer."},
    {"IDLIMIT",
     "Applied: no. A counter remembers the request ids of its increments, and has as many "
     "as it may, 1024 that are not in a row. Give ids that begin with a UUID of version 7: "
     "room comes with increments some seconds after their 10 minutes, when all owners can "
     "be heard. Or give ids that end in a number and count up, which it keeps as one."},
    {"CROSSSLOT", "Applied: no. The command needs all its keys in one slot."},
    {"TRYAGAIN", "Applied: no. The ring changed during the request; try again."},
    {"LOADING", "Applied: no. The replicas asked are being rebuilt, or the node has not opened its "
                "store yet and does not know its users; try again later."},
    {"WRONGTYPE", "Applied: no. The key holds a value of another type."},
    {"NOAUTH",
     "Applied: no. The connection has not logged in, and the user default has a password or "
     "is off."},
    {"NOPERM", "Applied: no. The user may not run this command, or not with one of its keys."},
    {"WRONGPASS", "Applied: no. There is no such user, he is off, or the password is another."},
    {"NOPROTO", "Applied: no. HELLO asked for a protocol version that is not known."},
    {"ERR", "Applied: no. The request makes no sense, or is not offered; the text says why."},
};

/* What two clients get that do not see each other, and who sends once more. */
static const struct {
    const char *commands, *concurrent, *retry;
} merges[] = {
    {"SET and its like, APPEND, SETRANGE, SETBIT, BITFIELD",
     "The newest write wins, as a whole value; what it replaces is counted. Where siblings are "
     "kept, both stay.",
     "Sets the same again, and is the newest then. APPEND appends twice; with id= it acts once."},
    {"INCR DECR INCRBY DECRBY INCRBYFLOAT",
     "All count. A SET or DEL resets those that it has seen, and no others. Two clients may be "
     "answered the same sum.",
     "Counts twice; with id= once."},
    {"PFADD PFMERGE",
     "All count: what owners have added apart is joined. A SET or DEL removes what it has seen, "
     "and "
     "no more: beside one that has not seen it, an addition stays with all that its key held then. "
     "A SET that is newer hides it for as long as its value is there.",
     "Adds the same again, which changes nothing."},
    {"FLUSHDB FLUSHALL",
     "Deletes each key that was there when it began, as DEL does. What is written at the same time "
     "may stay.",
     "Removes what has been written meanwhile, too."},
    {"HSET HMSET HSETNX",
     "Fields are independent. Of two values for one field the newest is shown. A field that is set "
     "wins over an HDEL or DEL that has not seen it. Two HSETNX may both succeed.",
     "Sets the same again, also where another client has written or removed the field meanwhile."},
    {"HINCRBY HINCRBYFLOAT",
     "All count. An HSET, HDEL or DEL resets those that it has seen, and no others. Two clients "
     "may "
     "be answered the same sum.",
     "Counts twice; an id is not offered."},
    {"HDEL", "Removes the values that it has seen; what is set at the same time stays.",
     "Removes what has been set meanwhile, too."},
    {"SADD", "Members are independent. One that is added wins over a removal that has not seen it.",
     "Adds again, also what another client has removed meanwhile."},
    {"SREM", "Removes as far as it has seen; what is added at the same time stays.",
     "Removes what has been added meanwhile, too."},
    {"SPOP",
     "Two clients that ask at the same time by way of different owners may be given the same "
     "member; "
     "one owner gives each member once.",
     "Removes others."},
    {"SMOVE",
     "Adds in the one set, then removes in the other, so others may see the member in both; the "
     "keys may lie in two partitions. Two SMOVE of one member to two sets may both succeed.",
     "Answers 0 when it was done, and says nothing of who did it."},
    {"SINTER SINTERCARD SUNION SDIFF",
     "The keys may lie anywhere. Sets are read page by page, so what changes meanwhile may be seen "
     "in one of them and not in another.",
     "Reads again."},
    {"SINTERSTORE SUNIONSTORE SDIFFSTORE",
     "Reads as above. Then what is new is added to the destination and what is not in the result "
     "removed, as far as it was seen: in one step up to 1024 members, else in several, additions "
     "first. What is added at the same time stays. A string or a hash there is removed before.",
     "Stores the result as it is then."},
    {"GEOADD GEOPOS GEODIST GEOHASH GEOSEARCH GEORADIUS",
     "Places are scores of a sorted set, so of two that are given at once the newer is shown. A "
     "search reads up to nine ranges of scores, one after the other and page by page; a member "
     "that "
     "moves meanwhile may be met twice, or not at all. GEORADIUS and GEORADIUSBYMEMBER do not "
     "store; GEOSEARCHSTORE does, as ZUNIONSTORE.",
     "Sets the same place; reads again."},
    {"EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST of a hash or set",
     "All elements have one end, in the key. When it comes, all that was written before is gone at "
     "every node, what counts included, and what is added afterwards is new and has no end. Of two "
     "ends that are given at once the later call counts. An element that is added beside the end "
     "is on the one side of it or the other, as its time says; clocks differ by no more than "
     "max-clock-skew. Adding to a key that has an end, and whose named elements are not there, "
     "looks first whether another is. What has ended leaves the disks bit by bit.",
     "Gives the same end; a relative time begins anew."},
    {"DEL UNLINK",
     "Of a string the newest of SET and DEL wins. Of a hash or set it removes all that its owners "
     "have seen, and no others; it takes as long for a million fields as for one. Only fields that "
     "HINCRBY has changed are removed one by one, before the others. What it removed leaves the "
     "disks "
     "bit by bit, when all owners have heard of it.",
     "Removes what has been written meanwhile, too; with id= it acts once, and is refused for "
     "hashes and sets."},
    {"SET of a key that holds a hash or set, HSET or SADD of a key that holds another type",
     "HSET and SADD are refused with WRONGTYPE. SET, MSET, SETEX, and RENAME and COPY to that key, "
     "take the place of the hash or set: it is removed as by DEL, after the string is written. Of "
     "several types that are made at the same time one is shown everywhere, a string before a hash "
     "before a set. It hides the others until it is deleted, which takes all of them, or expires, "
     "or its last field is removed; so is a hash hidden that the owner of the SET did not "
     "know of, or that SET met with id=. SET with GET, and all that change a string, are refused.",
     "As above."},
    {"PUBLISH SPUBLISH",
     "Whoever listens is told once or not at all: at this node, and at those of its region, or of "
     "all regions (pubsub-regions), that can be reached and take messages fast enough. What one "
     "connection publishes comes in its order, after the writes that it sent before. Nothing is "
     "kept. Sharded channels differ from others by their names alone.",
     "Tells them again."},
};

static const struct entry groups[] = {
    {"string", "Strings"},
    {"bitmap", "Bitmaps"},
    {"hash", "Hashes"},
    {"set", "Sets"},
    {"sorted-set", "Sorted sets"},
    {"geo", "Places"},
    {"hyperloglog", "HyperLogLogs"},
    {"generic", "Keys"},
    {"pubsub", "Channels"},
    {"connection", "Connection"},
    {"server", "Server"},
    {"cluster", "Cluster"},
};

/* Each sentence on a line of its own, as mdoc wants it. */
static void write_text(struct buffer *out, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        bool end = text[i] == ' ' && i > 0 && text[i - 1] == '.';
        buffer_put_u8(out, (uint8_t)(end ? '\n' : text[i]));
    }
    buffer_put_u8(out, '\n');
}

static void write_entries(struct buffer *out, const struct entry *entries, size_t count)
{
    buffer_printf(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < count; i++) {
        buffer_printf(out, ".It Li %s\n", entries[i].name);
        write_text(out, entries[i].text);
    }
    buffer_printf(out, ".El\n");
}

static void write_upper(struct buffer *out, const char *word)
{
    for (; *word != '\0'; word++)
        buffer_put_u8(out, (uint8_t)(*word >= 'a' && *word <= 'z' ? *word - 32 : *word));
}

static void write_row(struct buffer *out, const struct command *command)
{
    buffer_printf(out, ".It Ic \"");
    if (command->container != NULL) {
        write_upper(out, command->container);
        buffer_put_u8(out, ' ');
    }
    write_upper(out, command->name);
    if (command->syntax[0] != '\0')
        buffer_printf(out, " %s", command->syntax);
    buffer_printf(out, "\"\n");
    write_text(out, command->summary);
    if (strncmp(command->name, "ring.", 5) != 0 && strcmp(command->name, "with") != 0)
        buffer_printf(out, "As in Redis %s.\n", command->since);
    for (const struct command *inner = command->subcommands; inner != NULL && inner->name != NULL;
         inner++) {
        if (strcmp(inner->name, "help") != 0)
            write_row(out, inner);
    }
}

static void write_group(struct buffer *out, const struct entry *group)
{
    buffer_printf(out, ".Ss %s\n.Bl -tag -width Ds\n", group->text);
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(command_at(i)->group, group->name) == 0)
            write_row(out, command_at(i));
    }
    buffer_printf(out, ".El\n");
}

static void write_merges(struct buffer *out)
{
    buffer_printf(out, ".Sh CONCURRENT USE AND RETRIES\n"
                       "What becomes of changes that do not see each other, and of one that is "
                       "sent once more\nbecause its answer was lost.\n"
                       ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < sizeof merges / sizeof merges[0]; i++) {
        buffer_printf(out, ".It \"%s\"\n", merges[i].commands);
        write_text(out, merges[i].concurrent);
        buffer_printf(out, ".br\nSent again:\n");
        write_text(out, merges[i].retry);
    }
    buffer_printf(out, ".El\n");
}

static void write_absent(struct buffer *out)
{
    buffer_printf(out, ".Sh NOT OFFERED\n"
                       "These commands of Redis are unknown here, and their error says so.\n"
                       ".Bl -tag -width Ds\n");
    for (uint32_t i = 0; i < commands_absent_count; i++)
        buffer_printf(out, ".It \"%s\"\nNot offered: %s.\n", commands_absent[i].names,
                      commands_absent[i].reason);
    buffer_printf(out, ".El\n");
}

void manual_write(struct buffer *out)
{
    buffer_printf(out, ".\\\" Written by print-commands from the command table; change that.\n"
                       ".Dd November 21, 2026\n.Dt RINGDB-COMMANDS 7\n.Os RingDB\n"
                       ".Sh NAME\n.Nm ringdb-commands\n.Nd commands that a RingDB server takes\n"
                       ".Sh DESCRIPTION\n");
    for (size_t i = 0; i < sizeof introduction / sizeof introduction[0]; i++)
        write_text(out, introduction[i][0] == '\0' ? ".Pp" : introduction[i]);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        write_group(out, &groups[i]);
    buffer_printf(out, ".Sh OPTIONS OF A REQUEST\n"
                       ".Ic WITH\nsets these for one request,\n.Ic RING.SESSION\n"
                       "for a connection,\n.Ic ACL SETUSER\nfor a user; the value default undoes "
                       "it.\n");
    write_entries(out, options, sizeof options / sizeof options[0]);
    buffer_printf(out, ".Sh USERS\n");
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
        write_text(out, users[i][0] == '\0' ? ".Pp" : users[i]);
    buffer_printf(out,
                  ".Pp\nThe rules of\n.Ic ACL SETUSER\nare those of Redis, without selectors:\n");
    write_entries(out, rules, sizeof rules / sizeof rules[0]);
    buffer_printf(out,
                  "What was refused lately stands in\n.Ic ACL LOG ,\nwhat is asked of the port for "
                  "other nodes is not checked for users at all: whoever reaches it may do "
                  "everything.\n");
    buffer_printf(out, ".Sh ERROR REPLIES\n"
                       "The first word of an error says what is known of the write.\n");
    write_entries(out, errors, sizeof errors / sizeof errors[0]);
    write_merges(out);
    write_absent(out);
    buffer_printf(out, ".Sh SEE ALSO\n.Xr ringctl 1 ,\n.Xr ringdb-consistency 7 ,\n.Xr ringd 8\n");
}
