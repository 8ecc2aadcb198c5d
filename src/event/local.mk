# src/event
