#!/bin/sh
# Proves that the device asked for is the one in use, then does the task the environment names. A host whose driver is too
# old for the image would otherwise compute on its CPU, a hundred times slower, at the price of its GPU.
set -eu
cd "$(dirname "$0")/../.."
# 75 ("temporary failure") and not doctor's own code: the job definition tries that again, on another host perhaps.
node bin/igd.mjs doctor --device "${IGD_DEVICE:-cpu}" || exit 75
# In place of the shell, so that SIGTERM reaches it.
exec node containers/runner/entrypoint.mjs
