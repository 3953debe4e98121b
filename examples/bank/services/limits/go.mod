module weft.dev/examples/bank/limits

go 1.22
