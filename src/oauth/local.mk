# src/oauth
