"""Selection algorithms on arrays, which know nothing of strategies: exact, seeded and in bounded memory."""
