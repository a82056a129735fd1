"""The file of each shell: it asks `roost completion complete` and shows what that answers."""

from __future__ import annotations

MARK = "Made by `roost completion install`; it is replaced by the next one."
"""Stands in every file of ours."""

_BASH = r"""# Completion of roost for bash. __MARK__
_roost() {
  # bash breaks words at = and :, roost does not: what stands together belongs together.
  local rest=${COMP_LINE:0:COMP_POINT} words=() word i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    local trimmed=${rest#"${rest%%[![:space:]]*}"}
    word=${COMP_WORDS[i]}
    ((i == COMP_CWORD)) && word=$trimmed
    if ((i > 0)) && [[ $trimmed == "$rest" && -n $word ]]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    rest=${trimmed#"$word"}
  done
  local current=${words[${#words[@]} - 1]} line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      $'\tfiles') compopt -o default 2>/dev/null ;;
      $'\tfolders') compopt -o dirnames 2>/dev/null ;;
      *) COMPREPLY+=("${line%%$'\t'*}") ;;
    esac
  done < <(command roost completion complete bash "${words[@]:1}" 2>/dev/null)
  # bash replaces only what stands after the last break, or after an open quote.
  local before=${current%%[\"\'\\]*}
  before=${before%"${before##*[=:]}"}
  for i in "${!COMPREPLY[@]}"; do
    COMPREPLY[i]=${COMPREPLY[i]#"$before"}
  done
}
complete -F _roost roost
"""
_ZSH = r"""#compdef roost
# Completion of roost for zsh. __MARK__
_roost() {
  local -a shown
  local line name text
  local -a before=("${(@Q)words[2,CURRENT-1]}")
  for line in "${(@f)$(command roost completion complete zsh "${before[@]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
    name=${line%%$'\t'*} text=${line#*$'\t'}
    [[ -z $line ]] && continue
    if [[ -z $name ]]; then
      [[ $PREFIX == --*=* ]] && compset -P 1 '*='
      if [[ $text == folders ]]; then _files -/; else _files; fi
      return
    fi
    name=${${name//\\/\\\\}//:/\\:}
    shown+=("$name${text:+:$text}")
  done
  (( $#shown )) && _describe -V roost shown
}
if [[ $funcstack[1] == _roost ]]; then
  _roost "$@"
else
  compdef _roost roost
fi
"""
_FISH = r"""# Completion of roost for fish. __MARK__
function __roost_complete
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    set -l plain (string unescape -- "$token")
    test (count $plain) -eq 1; or set plain (string trim --left --chars '"\'' -- "$token")
    set -l found (command roost completion complete fish $words[2..] "$plain" 2>/dev/null)
    switch "$found[1]"
        case \tfiles \tfolders
            set -l flag (string match -r -- '^--[^=]*=' "$token")
            set -l path (string replace -- "$flag" '' "$token")
            set -l paths
            if test "$found[1]" = \tfolders
                set paths (__fish_complete_directories "$path" '')
            else
                set paths (__fish_complete_path "$path" '')
            end
            for each in $paths
                printf "%s\n" "$flag$each"
            end
        case '*'
            string join -- \n $found
    end
end
complete -c roost -f -a '(__roost_complete)'
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str) -> str:
    """The text of a shell's file."""
    return SCRIPTS[shell].replace("__MARK__", MARK)
