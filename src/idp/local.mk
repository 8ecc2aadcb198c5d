# src/idp: identity providers
POLICIES =
