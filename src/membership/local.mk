libringcore_a_SOURCES += \
	src/membership/clock_watch.c \
	src/membership/clock_watch.h \
	src/membership/lineage.c \
	src/membership/lineage.h \
	src/membership/member_change.c \
	src/membership/member_change.h \
	src/membership/peers.c \
	src/membership/peers.h \
	src/membership/plan_change.c \
	src/membership/plan_change.h \
	src/membership/reach_matrix.c \
	src/membership/reach_matrix.h \
	src/membership/register_acceptor.c \
	src/membership/register_acceptor.h \
	src/membership/register_change.c \
	src/membership/register_change.h \
	src/membership/register_proposer.c \
	src/membership/register_proposer.h \
	src/membership/register_value.c \
	src/membership/register_value.h \
	src/membership/user_rules.c \
	src/membership/user_rules.h \
	src/membership/users.c \
	src/membership/users.h
