# shellcheck shell=bash
# Sourced by install: keys as systemd credentials, encrypted with this machine's secret. Its say, die and folder are
# used, its options keys and dry; changed and restart are set for it.
# shellcheck disable=SC2154,SC2034  # which are all of install's

SEALED=/etc/credstore.encrypted # root only, both
PLAIN=/etc/credstore            # where systemd-creds does not work
KEYS=/etc/systemd/system/edge-voice.service.d/credentials.conf

# read_key NAME: to standard output, and never to the terminal.
read_key() {
    local value=''
    if [[ $1 == *=* ]]; then
        [[ -r ${1#*=} ]] || die "the key's file ${1#*=} cannot be read"
        value=$(<"${1#*=}")
    elif [[ -t 0 ]]; then
        read -rs -p "$1 (is not shown): " value && printf '\n' >&2
    else
        read -r value || true
    fi
    printf '%s' "$value"
}

kept_key() { # NAME: as it is stored now
    if [[ -f $SEALED/edge-voice.$1 ]]; then
        systemd-creds decrypt --name="$1" "$SEALED/edge-voice.$1" - 2>/dev/null
    elif [[ -f $PLAIN/edge-voice.$1 ]]; then
        cat "$PLAIN/edge-voice.$1"
    fi
}

store_key() { # NAME VALUE
    local sealed=$SEALED/edge-voice.$1 plain=$PLAIN/edge-voice.$1 line
    umask 077
    if printf '%s' "$2" | systemd-creds encrypt --name="$1" - "$sealed.new" >/dev/null 2>&1; then
        mv "$sealed.new" "$sealed"
        rm -f "$plain"
        line="LoadCredentialEncrypted=$1:$sealed"
    else
        rm -f "$sealed.new" "$sealed"
        printf '%s' "$2" >"$plain.new"
        mv "$plain.new" "$plain"
        line="LoadCredential=$1:$plain"
    fi
    umask 022
    mkdir -p "${KEYS%/*}"
    [[ -f $KEYS ]] || echo '[Service]' >"$KEYS"
    sed -i "/^LoadCredential[A-Za-z]*=$1:/d" "$KEYS"
    echo "$line" >>"$KEYS"
}

install_keys() {
    local key name value
    if ((${#keys[@]} == 0)) && [[ -t 0 && -z $dry && ! -f $KEYS ]]; then
        say "With a key the vendor's engine answers; without one (just Enter) the offline engine does."
        value=$(read_key openai_api_key)
        [[ -z $value ]] || put_key openai_api_key "$value"
    fi
    for key in "${keys[@]}"; do
        name=${key%%=*}
        [[ $name =~ ^[a-z][a-z0-9_]*$ ]] || die "a key's name is like openai_api_key, not $name"
        if [[ -n $dry ]]; then
            say "key        $name (not read in a dry run)"
            continue
        fi
        value=$(read_key "$key")
        [[ -n $value ]] || die "no key was given for $name"
        put_key "$name" "$value"
    done
}

put_key() { # NAME VALUE
    [[ $(kept_key "$1") != "$2" ]] || return 0
    say "key        $1"
    folder "$PLAIN" 0700
    folder "$SEALED" 0700
    changed=1 restart=1
    store_key "$1" "$2"
    systemctl daemon-reload
}
