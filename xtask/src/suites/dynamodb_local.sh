#!/usr/bin/env bash
# Runs a command beside Amazon's DynamoDB Local, once that answers. It listens on every address, so
# this is for a network namespace of its own (dynamodb_local.rs).
set -euo pipefail
ip link set lo up
java -Djava.library.path="$PAYHOOK_DYNAMODB_LOCAL/DynamoDBLocal_lib" \
    -jar "$PAYHOOK_DYNAMODB_LOCAL/DynamoDBLocal.jar" -port 8000 -inMemory -sharedDb \
    >"$PAYHOOK_DYNAMODB_LOCAL/log" 2>&1 </dev/null &
program=$!
trap 'kill $program' EXIT
answers() { (exec 3<>/dev/tcp/127.0.0.1/8000) 2>/dev/null; }
for _ in $(seq 300); do
    if answers; then break; fi
    kill -0 $program
    sleep 0.1
done
answers || { echo "DynamoDB Local does not answer: $PAYHOOK_DYNAMODB_LOCAL/log" >&2; exit 1; }
"$@"
