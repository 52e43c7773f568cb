"""What Sitthi costs, as ratios within one run. `script/bench --help` tells how to run it."""
