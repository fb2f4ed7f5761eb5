# Where this machine's packages come from; sourced by the scripts that make a Debian root. Written down nowhere else.
# SPDX-License-Identifier: MIT

# The first source that has this suite, deb822 or one-line, for debootstrap.
mirror() {
    { cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null || true; } |
        awk '$1 == "URIs:" { uri = $2 }
             $1 == "Suites:" && $2 == "bookworm" { print uri; exit }
             $1 == "deb" { for (i = 2; i < NF; i++) if ($(i + 1) == "bookworm") { print $i; exit } }'
}

# apt_sources_into ROOT: it installs from where this machine does, security suite included.
apt_sources_into() {
    local root=$1 file
    rm -f "$root/etc/apt/sources.list"
    cp -aL /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/" 2>/dev/null || cp -aL /etc/apt/sources.list "$root/etc/apt/"
    for file in /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf.d/*registry*; do
        [ ! -f "$file" ] || cp -aL "$file" "$root/etc/apt/apt.conf.d/"
    done
}
