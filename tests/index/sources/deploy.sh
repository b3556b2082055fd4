#!/usr/bin/env bash
source ./lib/common.sh
. "$HOME/.profile"

TARGET=production
readonly LIMIT=3

deploy() {
  local name=$1
}
function roll_back {
  echo back
}
