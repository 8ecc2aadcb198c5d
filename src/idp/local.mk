# src/idp
