/* SPDX-License-Identifier: Apache-2.0 */
/* The sign-out form, which stands on other programs' pages. */
#ifndef GATEHOUSE_OAUTH_LOGOUT_H
#define GATEHOUSE_OAUTH_LOGOUT_H

#define LOGOUT_FORM "logout" /* for csrf_make() */

#endif
