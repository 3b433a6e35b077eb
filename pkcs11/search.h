/* A search in progress: the handles found so far, and how to ask for more. */
#pragma once
#include "ha/objects.h"

struct session;

struct search {
	CK_OBJECT_HANDLE *handles;
	size_t count, next;          /* found, given out */
	bool has_more;               /* the directory has others, after: */
	struct id after;
	struct attribute_list wanted;
};
/* One round trip, or none if only session objects can match. The session's from then on. */
CK_RV search_create(struct session *session, const CK_ATTRIBUTE *template_, CK_ULONG count, struct search **out);
void search_destroy(struct search *search); /* accepts NULL */
/* Up to count_max more handles; another round trip once in a thousand objects. After an error the search is where it was. */
CK_RV search_next(struct session *session, struct search *search, CK_OBJECT_HANDLE *out, CK_ULONG count_max, CK_ULONG *count);
