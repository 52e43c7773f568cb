"""Who is entitled to what, and why: facts of the exchange put to the rules of the programmes."""
