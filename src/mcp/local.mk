# src/mcp
