# src/page
