/*
 * Make libxml2 call SAX1 element handlers again.
 *
 * Debian's libxml2 2.9.14 (seen with 2.9.14+dfsg-1.3~deb12u4, u5 and u6) treats
 * every SAX handler table marked XML_SAX2_MAGIC as SAX2, also when it has only
 * SAX1 element handlers.  pidgin-sipe 1.25.0 uses exactly such a table, so
 * with that library it never sees a single XML element: no provisioning, no
 * contact list, no group chat.  This wrapper hands such a table on as SAX1 and
 * changes nothing else.
 *
 * Linked into sipe-rig (which exports the symbol, so the plugin finds it first).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libxml/parser.h>

int xmlSAXUserParseMemory(xmlSAXHandlerPtr sax, void *user, const char *text, int size)
{
	static int (*real)(xmlSAXHandlerPtr, void *, const char *, int);
	xmlSAXHandler copy;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "xmlSAXUserParseMemory");
	if (sax && sax->initialized == XML_SAX2_MAGIC &&
	    !sax->startElementNs && !sax->endElementNs &&
	    (sax->startElement || sax->endElement)) {
		copy = *sax;
		copy.initialized = 1;
		sax = &copy;
	}
	return real(sax, user, text, size);
}
