# src/consent
