"""What an agency does with what it issued, a credential or a paper: takes it back, suspends it, issues it anew."""
