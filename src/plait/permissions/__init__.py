"""Rules, the policy, and the queue of questions."""
