"""Hold the broker's session for everybody.

Reads orders and questions over HTTP, the exchange's WebSocket, halts and the live configuration. Decides whether an
order may leave (owner, halt, backstops, limits) and what an uncertain answer meant. Publishes every exchange frame to
stream:ticks, and writes intents, orders and fills.
"""
