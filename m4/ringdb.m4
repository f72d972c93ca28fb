# ringdb.m4 - the few checks that configure.ac repeats.

# RINGDB_LIBRARY(NAME, HEADERS, EXPRESSION, LIBRARIES, DEBIAN-PACKAGE)
# One link test for headers and library together. Sets NAME_LIBS, or adds the package to
# $ringdb_missing.
AC_DEFUN([RINGDB_LIBRARY],
[AC_SUBST([$1_LIBS])
AC_MSG_CHECKING([for m4_tolower([$1])])
ringdb_saved_libs=$LIBS
LIBS="$4 $LIBS"
AC_LINK_IFELSE([AC_LANG_PROGRAM([m4_foreach_w([header], [$2], [[#include <]header[>
]])], [(void)($3);])],
    [$1_LIBS="$4"
     AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no: install $5])
     ringdb_missing="$ringdb_missing $5"])
LIBS=$ringdb_saved_libs])

# Ends configure when a library so far was missing, naming all of them.
AC_DEFUN([RINGDB_LIBRARIES_REQUIRE],
[AS_IF([test "x$ringdb_missing" != x],
    [AC_MSG_ERROR([libraries are missing; on Debian: apt-get install$ringdb_missing])])])

# RINGDB_FLAG_TRY(FLAG, IF-WORKS, IF-NOT): does a program compile and link with FLAG?
AC_DEFUN([RINGDB_FLAG_TRY],
[AC_MSG_CHECKING([whether $CC takes $1])
ringdb_saved_cflags=$CFLAGS
CFLAGS="$CFLAGS -Werror $1"
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
    [CFLAGS=$ringdb_saved_cflags
     AC_MSG_RESULT([yes])
     $2],
    [CFLAGS=$ringdb_saved_cflags
     AC_MSG_RESULT([no])
     $3])])

# The language, the warnings, and the hardening that every build has where the tools know it.
AC_DEFUN([RINGDB_FLAGS_INIT],
[AC_SUBST([RINGDB_CPPFLAGS])
AC_SUBST([RINGDB_CFLAGS])
AC_SUBST([RINGDB_LDFLAGS])
RINGDB_CFLAGS="-std=c11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -pthread"
RINGDB_LDFLAGS="-pthread"
RINGDB_FLAG_TRY([-fstack-protector-strong],
    [RINGDB_CFLAGS="$RINGDB_CFLAGS -fstack-protector-strong"])
RINGDB_FLAG_TRY([-fPIE -pie],
    [RINGDB_CFLAGS="$RINGDB_CFLAGS -fPIE"
     RINGDB_LDFLAGS="$RINGDB_LDFLAGS -pie"])
RINGDB_FLAG_TRY([-Wl,-z,relro,-z,now,--as-needed],
    [RINGDB_LDFLAGS="$RINGDB_LDFLAGS -Wl,-z,relro,-z,now,--as-needed"])])

# RINGDB_FLAG_REQUIRE(FLAG, WHY-NOT): FLAG for compiling and linking, or the end.
AC_DEFUN([RINGDB_FLAG_REQUIRE],
[RINGDB_FLAG_TRY([$1],
    [RINGDB_CFLAGS="$RINGDB_CFLAGS $1"
     RINGDB_LDFLAGS="$RINGDB_LDFLAGS $1"],
    [AC_MSG_ERROR([$2])])])

# The C library's checks of buffer sizes work, and do not warn, only in optimised code.
AC_DEFUN([RINGDB_FORTIFY],
[AC_MSG_CHECKING([whether to use _FORTIFY_SOURCE])
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#ifndef __OPTIMIZE__
#error not optimised
#endif]], [])],
    [RINGDB_CPPFLAGS="$RINGDB_CPPFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
     AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no: CFLAGS do not optimise])])])
