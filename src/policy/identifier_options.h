/* SPDX-License-Identifier: Apache-2.0 */
/* The `identifier` option of policies whose subject is told by a function in Lua. */
#ifndef GATEHOUSE_POLICY_IDENTIFIER_OPTIONS_H
#define GATEHOUSE_POLICY_IDENTIFIER_OPTIONS_H

#include "conf/option.h"

static const struct option identifier_options[] = {
	{ "module", OPTION_STRING, true, .about = "A Lua file of the project that returns the function: policies/NAME.lua." },
	{ "export", OPTION_STRING, .about = "The function's name, where the file returns a table." },
	{ 0 },
};

#endif
