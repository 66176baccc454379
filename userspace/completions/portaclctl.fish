# SPDX-License-Identifier: GPL-2.0-only
#
# Completion for portaclctl(8) in fish.

# The command and its arguments before the cursor, one per line, without options.
function __portaclctl_given
    set -l tokens (commandline -opc)[2..]
    set -l ended 0
    set -l command ''
    while set -q tokens[1]
        set -l word $tokens[1]
        set -e tokens[1]
        if test $ended = 1
            printf '%s\n' $word
            continue
        end
        switch $word
            case --
                set ended 1
            case --root --color --source --format --user --port --for --confirm --replace --lines
                set -e tokens[1]
            case -n
                test "$command" = log; and set -e tokens[1]
            case '-*'
            case '*'
                test -n "$command"; or set command $word
                printf '%s\n' $word
        end
    end
end

# The value of --root, or nothing.
function __portaclctl_root
    set -l tokens (commandline -opc)
    for i in (seq (count $tokens))
        switch $tokens[$i]
            case --root
                set -q tokens[(math $i + 1)]; and printf '%s\n' $tokens[(math $i + 1)]
            case '--root=*'
                string replace -- --root= '' $tokens[$i]
        end
    end | tail -n 1
end

# Whether no command is there yet, or one of these.
function __portaclctl_none
    test -z (__portaclctl_given)[1]
end

function __portaclctl_is
    set -l given (__portaclctl_given)
    set -q given[1]; and contains -- $given[1] $argv
end

# The same, with no argument behind it.
function __portaclctl_first
    set -l given (__portaclctl_given)
    test (count $given) = 1; and contains -- $given[1] $argv
end

function __portaclctl_etc
    set -l root (__portaclctl_root)
    if test -n "$root" -a -r "$root/etc/$argv[1]"
        cat "$root/etc/$argv[1]"
    else if test $argv[1] != services; and type -q getent
        getent $argv[1]
    else
        cat /etc/$argv[1]
    end 2>/dev/null
end

function __portaclctl_users
    __portaclctl_etc passwd | string replace -r ':.*' ''
end

function __portaclctl_groups
    __portaclctl_etc group | string replace -r ':.*' ''
end

# The rules in force, one per line; those of a tree with --root.
function __portaclctl_rules
    set -l root (__portaclctl_root)
    set -l tool (commandline -opc)[1]
    timeout 2 $tool (test -n "$root"; and printf '%s\n' --root $root) \
        list --format=rules --no-legend 2>/dev/null </dev/null |
        string replace -r ' # .*' ''
end

# Items of a list, then /tcp and the like.
function __portaclctl_ports
    set -l typed (commandline -ct | string replace -r '^(--port=)?["\']?' '')
    if string match -qr / -- $typed
        set -l before (string replace -r '/.*' '' -- $typed)
        if string match -qr '^[0-9]|,' -- $before
            printf '%s\n' $before/{tcp,udp,sctp}
        else
            __portaclctl_etc services | string replace -fr \
                '^('(string escape --style=regex -- $before)')\s+\d+/([a-z]+).*' '$1/$2'
        end
        return
    end
    set -l before (string match -r '.*,' -- $typed)
    begin
        __portaclctl_etc services | string replace -fr '^([^\s#]+)\s+\d.*' '$1'
        __portaclctl_rules | string replace -r '"[^"]*"' NAME |
            string replace -fr '^(?:reserve|(?:allow|deny) (?:any|(?:user|group) \S+)) ([^ /]+).*' '$1' |
            string split ,
    end | sort -u | string replace -r '^' "$before"
end

# What may stand behind [SUBJECT] PORTS: terms, each once.
function __portaclctl_terms
    set -l kinds (string split ' ' -- $argv[1])
    set -e argv[1]
    while set -q argv[1]
        set -q argv[2]; or return
        set -l i (contains -i -- $argv[1] $kinds); and set -e kinds[$i]
        set -e argv[1..2]
    end
    printf '%s\n' $kinds
end

# SUBJECT PORTS [on ...] [until ...]
function __portaclctl_subject
    set -l command $argv[1]
    set -l kinds on until
    contains $command query explain; and set kinds on
    set -e argv[1]
    if not set -q argv[1]
        printf '%s\n' user\tsubject group\tsubject any\tsubject
        test $command = allow; and printf 'each\tsubject\n'
        __portaclctl_users
        return
    end
    switch $argv[1]
        case user group
            if not set -q argv[2]
                __portaclctl_$argv[1]s
                return
            end
            set -e argv[1..2]
        case each
            return
        case '*'
            set -e argv[1]
    end
    if set -q argv[1]
        __portaclctl_terms "$kinds" $argv[2..]
    else
        __portaclctl_ports
    end
end

# The next word of each rule that begins with the words typed. "user" may be
# left out.
function __portaclctl_remove
    for rule in (__portaclctl_rules)
        set -l parts (string match -ar '"[^"]*"|[^ ]+' -- $rule | string trim -c '"')
        __portaclctl_next $parts -- $argv
        if test "$parts[2]" = user; and not contains -- "$parts[3]" user group any each
            set -e parts[2]
            __portaclctl_next $parts -- $argv
        end
    end | sort -u
end

# PART... -- WORD...: the part that follows the words, if the others are these.
function __portaclctl_next
    set -l mark (contains -i -- -- $argv)
    set -l parts $argv[1..(math $mark - 1)]
    set -l typed $argv[(math $mark + 1)..]
    set -l count (count $typed)
    test $count -lt (count $parts); or return
    for i in (seq $count)
        test $parts[$i] = $typed[$i]; or return
    end
    printf '%s\n' $parts[(math $count + 1)]
end

function __portaclctl_words
    set -l given (__portaclctl_given)
    switch $given[1]
        case allow deny query explain
            __portaclctl_subject $given
        case who
            if set -q given[2]
                __portaclctl_terms on $given[3..]
            else
                __portaclctl_ports
            end
        case reserve
            set -q given[2]; or __portaclctl_ports
        case remove
            __portaclctl_remove $given[2..]
    end
end

complete -c portaclctl -f

# What "portaclctl help" lists; tests/completions/run compares.
for line in \
    'status Show whether and what portacl enforces' \
    'list List the rules in force' \
    'query May SUBJECT bind PORT?' \
    'explain Why may SUBJECT bind PORT, or why not?' \
    'who Who may bind PORT?' \
    'ports Show who has governed ports, and by which rule' \
    'log Show refusals and changes' \
    'suggest Turn refusals into rules to review' \
    'stats Show what was granted and refused' \
    'doctor Look for what is wrong with this machine' \
    'allow Allow SUBJECT to bind PORTS' \
    'deny Refuse SUBJECT the PORTS, whatever else allows' \
    'reserve Keep PORTS for those who are allowed' \
    'remove Remove a rule' \
    'check Look for mistakes in policy files' \
    'diff Show how the kernel and the files differ' \
    'apply Put the files into force' \
    'flush Take every rule out of the kernel' \
    'cat-config Print the files in force as one' \
    'import Print what other ways allow as rules' \
    'mode Show or set whether rules are enforced' \
    'strict Show or set whether privileged ports need a rule' \
    'scope Show or set which network namespaces are judged' \
    'lock Let nothing change until the next reboot' \
    'load Load the module, apply the files' \
    'unload Unload the module' \
    'version Print the versions of tool and module' \
    'help Print help'
    set -l command (string split -m 1 ' ' -- $line)
    complete -c portaclctl -n __portaclctl_none -a $command[1] -d $command[2]
    complete -c portaclctl -n '__portaclctl_first help' -a $command[1] -d $command[2]
end

complete -c portaclctl -n 'not __portaclctl_none' -a '(__portaclctl_words)'
complete -c portaclctl -n '__portaclctl_first mode' -a 'enforce permissive off'
complete -c portaclctl -n '__portaclctl_first strict' -a 'on off'
complete -c portaclctl -n '__portaclctl_first scope' -a 'init all'
complete -c portaclctl -n '__portaclctl_first lock' -a status
complete -c portaclctl -n '__portaclctl_first import' -a 'authbind mac_portacl setcap systemd sysctl nat'
complete -c portaclctl -n '__portaclctl_is import; and not __portaclctl_first import' -F
complete -c portaclctl -n '__portaclctl_is doctor' -a 'kernel ftrace hooks bpf-fault lockdown signature dkms version boot files names automatic strict boundary capabilities units authbind nat'
complete -c portaclctl -n '__portaclctl_is check' -k -a '(__fish_complete_suffix .conf)'
complete -c portaclctl -n '__portaclctl_first load' -k -a '(for kind in .ko .ko.xz .ko.zst .ko.gz; __fish_complete_suffix $kind; end)'

complete -c portaclctl -s h -l help -d 'Print help'
complete -c portaclctl -n 'not __portaclctl_is log' -s n -l dry-run -d 'Say what would be done, change nothing'
complete -c portaclctl -n '__portaclctl_is log' -l dry-run -d 'Say what would be done, change nothing'
complete -c portaclctl -s q -l quiet -d 'Print errors, warnings and lists only'
complete -c portaclctl -s v -l verbose -d 'Print the single steps, too'
complete -c portaclctl -s y -l yes -d 'Do not ask'
complete -c portaclctl -l json -a 'pretty short' -d 'Answer in JSON'
complete -c portaclctl -l no-legend -d 'Leave out headings and footers'
complete -c portaclctl -l numeric -d 'Show ids instead of names'
complete -c portaclctl -l color -x -a 'auto always never' -d 'Use colours'
complete -c portaclctl -l root -x -a '(__fish_complete_directories (commandline -ct | string replace -- --root= ""))' -d 'Work on the files below a directory'
complete -c portaclctl -l runtime -d 'Change it until the next reboot'
complete -c portaclctl -n __portaclctl_none -l version -d 'Print the version'
complete -c portaclctl -n '__portaclctl_is list' -l source -x -a 'kernel files' -d 'Whom to ask'
complete -c portaclctl -n '__portaclctl_is list' -l format -x -a 'table rules' -d 'How to print'
complete -c portaclctl -n '__portaclctl_is list' -l user -x -a '(__portaclctl_users)' -d 'Only rules that name this user'
complete -c portaclctl -n '__portaclctl_is list' -l port -x -a '(__portaclctl_ports)' -d 'Only rules that name this port'
complete -c portaclctl -n '__portaclctl_is log' -s f -l follow -d 'Go on with new ones'
complete -c portaclctl -n '__portaclctl_is log' -s n -l lines -x -d 'The last ones'
complete -c portaclctl -n '__portaclctl_is stats' -l prometheus -F -d 'As a textfile for node_exporter'
complete -c portaclctl -n '__portaclctl_is allow deny' -l for -x -a '10m 1h 8h 1d' -d 'For so long'
complete -c portaclctl -n '__portaclctl_is deny mode strict' -l force -d 'Do it although listeners would be refused'
complete -c portaclctl -n '__portaclctl_is remove' -l close -d 'Close the listeners that lose their grant'
complete -c portaclctl -n '__portaclctl_is apply' -l boot -d 'Only local names'
complete -c portaclctl -n '__portaclctl_is apply' -l confirm -x -a '30 60 120' -d 'Take it back unless confirmed'
complete -c portaclctl -n '__portaclctl_is apply' -l replace -r -k -a '(__fish_complete_suffix .conf)' -d 'Put a file into force instead'
complete -c portaclctl -n '__portaclctl_is apply check load' -l skip-unresolved -d 'Leave out rules whose names are not known'
complete -c portaclctl -n '__portaclctl_is import' -l tcp-only -d 'Of authbind: for TCP only'
